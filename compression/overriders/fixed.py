"""Numbers with a fixed point, said or chosen by how many overflow: `by: fixed`."""

from bisect import bisect_left
from typing import Literal

import torch
from torch import Tensor

from compression.overriders.base import Overrider, OverriderKind
from compression.overriders.exponents import must_be_share, power_of_two
from compression.quantizers.fake import rounded
from compression.quantizers.grid import Grid
from training.datasets.chance import generator

FEWEST, MOST = 2, 24
"""Bits of a fixed-point number that float32 holds."""
FARTHEST = 64
"""A point may lie so many bits to both sides."""
FIRST = 1
"""The point that nothing has chosen yet: -1 to 1."""


class Fixed(OverriderKind, frozen=True, tag="fixed"):
    """clip(round(x s), -2^(width-1), 2^(width-1) - 1) / s with s = 2^(width-point); ties to even.

    `width` counts bits with the sign, `point` those before the point, the sign among them. Without
    a `point` it is chosen at every refresh (dynamic fixed point), so that at most a share
    `overflow` of the non-zeros lies beyond the ends: the smallest in [-width, width] that does, or
    width. By the rule `courbariaux` it begins at 1 and moves by one (Courbariaux et al. 2015,
    algorithm 1): up where more overflow, down where no more would with one bit less before the
    point. Mayo's class of that name moved the other way, and took twice the share for the share of
    twice the numbers. Where all numbers are zero the point stays.

    `stochastic`: up with a probability of what rounding down takes away, while the network learns;
    otherwise to the nearest. Over what a layer holds, and its slopes, all parts of a step share the
    draws, which depend on `seed`, the tensor's name and the step alone; over what flows draws the
    training's own chance.
    """

    width: int
    point: int | None = None
    overflow: float | None = None
    rule: Literal["smallest", "courbariaux"] = "smallest"
    stochastic: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not FEWEST <= self.width <= MOST:
            raise ValueError(f"a fixed-point number has {FEWEST} to {MOST} bits, not {self.width}")
        if (self.point is None) == (self.overflow is None):
            raise ValueError("fixed: say the `point`, or a share `overflow` by which it is chosen")
        if self.point is not None and abs(self.point) > FARTHEST:
            raise ValueError(f"a `point` lies within {FARTHEST} bits of 0, not at {self.point}")
        if self.overflow is not None:
            must_be_share("overflow", self.overflow)
        elif self.rule != "smallest":
            raise ValueError("the rule `courbariaux` moves the point: say `overflow`, not `point`")

    @property
    def looks(self) -> bool:
        return self.overflow is not None

    def made(self, like: Tensor | None) -> Overrider:
        return FixedPoint(self, like)


class FixedPoint(Overrider):
    """x -> the nearest number with this point."""

    point: Tensor
    noise: Tensor | None

    def __init__(self, kind: Fixed, like: Tensor | None) -> None:
        super().__init__()
        self.kind = kind
        self.grid = Grid(-(2 ** (kind.width - 1)), 2 ** (kind.width - 1) - 1)
        self.register_buffer("point", torch.tensor(FIRST if kind.point is None else kind.point))
        held = kind.stochastic and like is not None
        noise = torch.full_like(like, 0.5) if held and like is not None else None
        self.register_buffer("noise", noise, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        step = self._step(self.point)
        if self.kind.stochastic and self.training:
            noise = torch.rand_like(x) if self.noise is None else self.noise
            x = x + (noise - 0.5) * step
        return rounded(x, step, self.grid)

    def refresh(self, x: Tensor) -> None:
        most, width = self.kind.overflow, self.kind.width
        if most is None or not x.any():
            return
        if self.kind.rule == "smallest":
            places = range(-width, width)
            fits = bisect_left(places, True, key=lambda point: self.overflow(x, point) <= most)
            self.point.fill_(fits - width)
            return
        now = int(self.point)
        if self.overflow(x, now) > most:
            now += 1
        elif self.overflow(x, now - 1) <= most:
            now -= 1
        self.point.fill_(min(max(now, -width), width))

    def overflow(self, x: Tensor, point: int) -> float:
        """The share of the non-zeros that a grid with this point clips."""
        codes = (x / self._step(torch.tensor(point, device=x.device))).round()
        over = (codes < self.grid.low) | (codes > self.grid.high)
        return int(over.sum()) / max(int(x.count_nonzero()), 1)

    @torch.no_grad()
    def draw(self, step: int, place: str) -> None:
        if self.noise is not None:
            chance = generator(self.kind.seed, "stochastic rounding", place, step)
            self.noise.copy_(torch.rand(self.noise.shape, generator=chance))

    def _step(self, point: Tensor) -> Tensor:
        return power_of_two(point - self.kind.width)

    def extra_repr(self) -> str:
        """For print(network)."""
        return f"{self.kind.width} bits, {int(self.point)} before the point"
