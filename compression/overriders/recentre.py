"""Numbers on both sides of zero, each side rounded around its own mean: `by: recentre`."""

import torch
from torch import Tensor

from compression.overriders.base import EVERYWHERE, HELD, Of, Overrider, OverriderKind
from compression.overriders.grids import AnyGrid


class Recentre(OverriderKind, frozen=True, tag="recentre"):
    """From positive and negative numbers their own means, on the grid `means`, are subtracted.

    What is left is rounded on `grid`, and the mean added again (focused quantization, Zhao et al.
    2019). Zeros stay zero. `penalty` times the sum of |x - what stands for it| is added to the
    loss, over weights and biases. Slopes are those of `grid`.
    """

    grid: AnyGrid
    means: AnyGrid
    penalty: float = 0.0

    def __post_init__(self) -> None:
        if self.penalty < 0:
            raise ValueError(f"recentre: a `penalty` of {self.penalty:g} is below 0")

    @property
    def fits(self) -> tuple[Of, ...]:
        return HELD if self.penalty else EVERYWHERE

    @property
    def looks(self) -> bool:
        return self.grid.looks or self.means.looks

    def made(self, like: Tensor | None) -> Overrider:
        return Recentred(self, like)


class Recentred(Overrider):
    """x -> rounded around two means."""

    def __init__(self, kind: Recentre, like: Tensor | None) -> None:
        super().__init__()
        self.strength = kind.penalty
        self.grid = kind.grid.made(like)
        self.means = kind.means.made(None if like is None else like.new_zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        centre = self._centre(x.detach())
        return torch.where(x == 0, x, self.grid(x - centre) + centre)

    def refresh(self, x: Tensor) -> None:
        self.means.refresh(_means(x))
        self.grid.refresh(torch.where(x == 0, 0.0, x - self._centre(x)))

    def draw(self, step: int, place: str) -> None:
        self.grid.draw(step, place)
        self.means.draw(step, f"{place} means")

    def penalty(self, x: Tensor) -> Tensor | None:
        if not self.strength:
            return None
        return self.strength * (x - self(x).detach()).abs().sum()

    def _centre(self, x: Tensor) -> Tensor:
        below, above = self.means(_means(x)).unbind()
        return torch.where(x > 0, above, below)


def _means(x: Tensor) -> Tensor:
    """[2]: the mean of the numbers below zero, and of those above; 0 for none."""
    sides = torch.stack([x < 0, x > 0]).flatten(1)
    return (sides * x.flatten()).sum(dim=1) / sides.sum(dim=1).clamp(min=1)
