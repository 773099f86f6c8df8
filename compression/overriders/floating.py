"""Small floating-point numbers, and powers of two, which are shifts: `by: float`, `by: shift`."""

from typing import Literal

import torch
from torch import Tensor

from compression.overriders.base import Overrider, OverriderKind
from compression.overriders.exponents import LEAST as LOWEST
from compression.overriders.exponents import MOST as HIGHEST
from compression.overriders.exponents import (
    exponent_of,
    must_be_share,
    power_of_two,
    top_exponent,
)
from compression.quantizers.fake import straight

MOST = 16
"""Bits of a small float, without its sign."""


class _Floating(OverriderKind, frozen=True, kw_only=True):
    """A float of `width` bits beside its sign."""

    width: int
    bias: int | None = None
    overflow: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MOST:
            raise ValueError(f"a small float has 1 to {MOST} bits beside its sign: {self.width}")
        if (self.bias is None) == (self.overflow is None):
            raise ValueError(
                "say the `bias` of the exponents, or a share `overflow` to choose it by"
            )
        if self.overflow is not None:
            must_be_share("overflow", self.overflow)

    @property
    def looks(self) -> bool:
        return self.overflow is not None


class Float(_Floating, frozen=True, tag="float"):
    """0 and +-2^e (1 + k / 2^mantissa), k = 0, 1, ..., e from -bias up; the nearest, ties to even.

    `width` does not count the sign; `mantissa` bits of it are k, the others say 2^(width-mantissa)
    exponents. Up to half the least number is 0, beyond the largest all is the largest, and a larger
    number never becomes a smaller one. In Mayo's class it could: it kept the mantissa of an
    exponent that it had clipped, so that 40 became 10 where the largest number is 14, and 0.04
    became 0.078 where 0.0625 is nearest.

    Without a `bias` it is chosen at every refresh: the largest exponent is the least e at which
    |x| >= 2^(e+1) for at most a share `overflow` of the non-zeros (Mayo's rule has >, by which
    powers of two, rounded again, are halved). `mantissa: search` chooses the mantissa then too: of
    all that leave an exponent, the one with the least squared error.
    """

    mantissa: int | Literal["search"]

    def __post_init__(self) -> None:
        _Floating.__post_init__(self)
        if self.mantissa != "search" and not 0 <= self.mantissa < self.width:
            raise ValueError(
                f"a mantissa has 0 to {self.width - 1} of {self.width} bits, not {self.mantissa}"
            )
        bits = 0 if self.mantissa == "search" else self.mantissa
        _must_be_held(self.width, bits, self.bias)

    @property
    def looks(self) -> bool:
        return self.overflow is not None or self.mantissa == "search"

    def made(self, like: Tensor | None) -> Overrider:
        mantissa = None if self.mantissa == "search" else self.mantissa
        return SmallFloat(self.width, mantissa, self.bias, self.overflow)


class Shift(_Floating, frozen=True, tag="shift"):
    """0 and +-2^e, so that to multiply is to shift: a `float` without a mantissa.

    Between 2^e and 2^(e+1) the middle goes up. It saturates; Mayo's class turned what was a little
    too large into 2^(e+1), and what was more so into the largest number.
    """

    def __post_init__(self) -> None:
        _Floating.__post_init__(self)
        _must_be_held(self.width, 0, self.bias)

    def made(self, like: Tensor | None) -> Overrider:
        return SmallFloat(self.width, 0, self.bias, self.overflow)


class SmallFloat(Overrider):
    """x -> the nearest small float; what is not said is chosen at every refresh."""

    mantissa: Tensor
    bias: Tensor

    def __init__(
        self, width: int, mantissa: int | None, bias: int | None, overflow: float | None
    ) -> None:
        super().__init__()
        self.width, self.overflow = width, overflow
        self.splits = range(width) if mantissa is None else range(mantissa, mantissa + 1)
        first = width // 2 if mantissa is None else mantissa
        top = 2 ** (width - first) - 1  # 2^0 is the largest power of what nothing has chosen yet
        self.register_buffer("mantissa", torch.tensor(first))
        self.register_buffer("bias", torch.tensor(top if bias is None else bias))

    def forward(self, x: Tensor) -> Tensor:
        value, top = nearest_float(x.detach(), self.width, self.mantissa, self.bias)
        return straight(x.clamp(-top, top), value.to(x.dtype))

    def refresh(self, x: Tensor) -> None:
        top = None if self.overflow is None else top_exponent(x, self.overflow)
        if not x.any():
            return

        def bias(mantissa: int) -> int:
            return int(self.bias) if top is None else 2 ** (self.width - mantissa) - 1 - top

        def lost(mantissa: int) -> float:
            parts = (torch.tensor(one, device=x.device) for one in (mantissa, bias(mantissa)))
            return float((nearest_float(x, self.width, *parts)[0] - x).square().sum())

        best = self.splits[0] if len(self.splits) == 1 else min(self.splits, key=lost)
        self.mantissa.fill_(best)
        self.bias.fill_(bias(best))

    def extra_repr(self) -> str:
        """For print(network)."""
        return f"{self.width} bits, {int(self.mantissa)} of the mantissa, bias {int(self.bias)}"


def nearest_float(x: Tensor, width: int, mantissa: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """The small float nearest to each number of x, and [] the largest there is.

    `mantissa` and `bias` are whole numbers []. Exponents that float32 lacks are left out.
    """
    size = x.abs().float()
    low = (-bias).clamp(min=LOWEST + mantissa)
    high = (2 ** (width - mantissa) - 1 - bias).clamp(max=HIGHEST)
    unit = power_of_two(exponent_of(size).clamp(low, high) - mantissa)
    least, top = power_of_two(low), power_of_two(high) * (2 - power_of_two(-mantissa))
    found = ((size / unit).round() * unit).clamp(least, top)
    return x.sign() * torch.where(size <= least / 2, 0.0, found), top


def _must_be_held(width: int, mantissa: int, bias: int | None) -> None:
    """ValueError for a bias with which no number is one of float32."""
    if bias is None:
        return
    low, high = -bias, 2 ** (width - mantissa) - 1 - bias
    if low > HIGHEST or high < LOWEST + mantissa:
        raise ValueError(
            f"a bias of {bias} makes exponents {low} to {high}, and those of float32 are {LOWEST} "
            f"to {HIGHEST}"
        )
