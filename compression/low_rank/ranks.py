"""Which rank a matrix keeps: one struct per rule, told apart by its tag in YAML."""

import math

from msgspec import Struct
from torch import Tensor

from compression.low_rank.evbmf import signals

ROUNDING = 1e-6
"""A product that float arithmetic leaves so far above a whole number is that number."""


class _Rank(Struct, frozen=True, kw_only=True, tag_field="by", forbid_unknown_fields=True):
    """One rule; the rank is rounded up to a multiple of `multiple`, where there is one below L."""

    multiple: int = 1

    def __post_init__(self) -> None:
        if self.multiple < 1:
            raise ValueError(f"ranks cannot be multiples of {self.multiple}")

    def of(self, values: Tensor, longer: int) -> int:
        """1 to L, for an L x M matrix with the singular `values` [L], falling; M is `longer`."""
        rank = max(1, self._least(values, longer))
        return min(len(values), -(-rank // self.multiple) * self.multiple)

    def _least(self, values: Tensor, longer: int) -> int:
        raise NotImplementedError


class Energy(_Rank, frozen=True, tag="energy"):
    """The least that keeps the share `keep` of the squared singular values."""

    keep: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _must_be_a_share("keep", self.keep)

    def _least(self, values: Tensor, longer: int) -> int:
        kept = values.double().square().cumsum(0)
        enough = self.keep * kept[-1] * (1 - ROUNDING**2)
        return int((kept < enough).sum()) + 1


class Share(_Rank, frozen=True, tag="share"):
    """The `share` of the full rank, rounded up."""

    share: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _must_be_a_share("share", self.share)

    def _least(self, values: Tensor, longer: int) -> int:
        return math.ceil(self.share * len(values) - ROUNDING)


class Evbmf(_Rank, frozen=True, tag="evbmf"):
    """As many as are more than noise (`compression/low_rank/evbmf.py`); no number to be chosen."""

    def _least(self, values: Tensor, longer: int) -> int:
        return signals(values, longer)


AnyRank = Energy | Share | Evbmf


def _must_be_a_share(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ValueError(f"{name} must lie above 0 and up to 1, not at {value:g}")
