"""Which structures of a weight stay: one struct per way, told apart by its tag in YAML."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from msgspec import Struct
from torch import Tensor

from compression.importance import ActivationMean, AnyImportance, Apoz, Taylor
from compression.masks.methods import ROUNDING

Scores = Mapping[str, Tensor]
"""By layer, a number for each of its filters, told from images."""


class Way(Struct, frozen=True, kw_only=True, tag_field="by", forbid_unknown_fields=True):
    """One way to choose; a subclass says how."""

    scales: ClassVar[bool] = False
    """Whether what stays is made larger by as much as has gone."""
    filters_only: ClassVar[bool] = False

    @property
    def importance(self) -> AnyImportance | None:
        """What scores the filters by images, where images are needed."""
        return None

    def kept(self, rows: Tensor, scores: Tensor | None, draw: int) -> Tensor:
        """Which of `rows` [structures, numbers] stay [structures].

        `scores` [structures] are those of images; `draw` tells one time from another where chance
        decides.
        """
        raise NotImplementedError


class _Share(Way, frozen=True):
    """The `share` that is worth least goes, rounded down: not all, unless it is 1.

    What is zero as a whole is worth least.
    """

    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must lie between 0 and 1, not {self.share:g}")

    def gone(self, count: int) -> int:
        """How many of `count` go."""
        most = count if self.share == 1 else count - 1
        return min(int(self.share * count + ROUNDING), most)

    def kept(self, rows: Tensor, scores: Tensor | None, draw: int) -> Tensor:
        worth = self.worth(rows, scores, draw).float()
        worth = worth.masked_fill((rows == 0).all(dim=1), -torch.inf)
        kept = torch.ones(len(worth), dtype=torch.bool, device=rows.device)
        kept[worth.argsort(stable=True)[: self.gone(len(worth))]] = False
        return kept

    def worth(self, rows: Tensor, scores: Tensor | None, draw: int) -> Tensor:
        """[structures]: those with the least go first."""
        raise NotImplementedError


class RankedL1(_Share, frozen=True, tag="l1"):
    """By the sum of sizes (Li et al. 2017)."""

    def worth(self, rows: Tensor, scores: Tensor | None, draw: int) -> Tensor:
        return rows.abs().sum(dim=1)


class RankedL2(_Share, frozen=True, tag="l2"):
    """By their lengths."""

    def worth(self, rows: Tensor, scores: Tensor | None, draw: int) -> Tensor:
        return torch.linalg.vector_norm(rows, dim=1)


class RankedRandom(_Share, frozen=True, tag="random"):
    """By chance, drawn anew at every time."""

    seed: int = 0

    def worth(self, rows: Tensor, scores: Tensor | None, draw: int) -> Tensor:
        return _drawn(len(rows), self.seed, draw).to(rows.device)


class Bernoulli(Way, frozen=True, tag="bernoulli"):
    """Each goes with the probability `share`, drawn anew at every time; at least one stays.

    What stays is divided by the part that stays, as dropout does (DropFilter, Pan et al. 2018).
    """

    scales: ClassVar[bool] = True
    share: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise ValueError(f"share must be 0 or more and below 1, not {self.share:g}")

    def kept(self, rows: Tensor, scores: Tensor | None, draw: int) -> Tensor:
        drawn = _drawn(len(rows), self.seed, draw)
        kept = drawn >= self.share
        kept[drawn.argmax()] = True
        return kept.to(rows.device)


class _Seeing(_Share, frozen=True):
    """Filters by what `seen` training images say of them."""

    filters_only: ClassVar[bool] = True
    seen: int = 512

    def __post_init__(self) -> None:
        _Share.__post_init__(self)
        if self.seen < 1:
            raise ValueError(f"{self.seen} images show nothing: `seen` is 1 or more")

    def worth(self, rows: Tensor, scores: Tensor | None, draw: int) -> Tensor:
        return rows.new_ones(len(rows)) if scores is None else scores.to(rows.device)


class FilterApoz(_Seeing, frozen=True, tag="apoz"):
    """Those whose answers are zero most often go first (APoZ, Hu et al. 2016)."""

    @property
    def importance(self) -> AnyImportance:
        return Apoz()


class FilterActivation(_Seeing, frozen=True, tag="activation-mean"):
    """Those whose answers are smallest on average go first (Molchanov et al. 2017)."""

    @property
    def importance(self) -> AnyImportance:
        return ActivationMean()


class FilterTaylor(_Seeing, frozen=True, tag="taylor"):
    """Those without which the loss would change least, to first order (Molchanov et al. 2019)."""

    @property
    def importance(self) -> AnyImportance:
        return Taylor()


class GroupThreshold(Way, frozen=True, tag="threshold"):
    """Those stay whose `mean` size, or whose largest (`max`), is larger than `value`."""

    value: float
    of: Literal["mean", "max"] = "mean"

    def kept(self, rows: Tensor, scores: Tensor | None, draw: int) -> Tensor:
        size = rows.abs()
        return (size.mean(dim=1) if self.of == "mean" else size.amax(dim=1)) > self.value


AnyStructures = (
    RankedL1
    | RankedL2
    | RankedRandom
    | Bernoulli
    | FilterApoz
    | FilterActivation
    | FilterTaylor
    | GroupThreshold
)


def _drawn(count: int, seed: int, draw: int) -> Tensor:
    """[count] numbers in [0, 1) on the CPU, the same for the same seed and draw."""
    chance = torch.Generator().manual_seed(seed * 1_000_003 + draw)
    return torch.rand(count, generator=chance)
