"""Weights that are put on a grid share by share, while the others learn: `by: incremental`."""

from math import ceil

import torch
from torch import Tensor

from compression.masks import Level
from compression.masks.methods import ROUNDING
from compression.overriders.base import HELD, Of, Overrider, OverriderKind
from compression.overriders.grids import AnyGrid


class Incremental(OverriderKind, frozen=True, tag="incremental"):
    """At every refresh a `share` more of the weights is put on the grid, and learns no more.

    Those nearest to it come first, and the others make up for them (incremental network
    quantization, Zhou et al. 2017, who take the largest first; Mayo took the nearest). The grid is
    chosen at the first refresh, and stays. Zeros do not count, and stay zero; with `count_zeros`
    the share is one of all. There must be as many refreshes as put everything there.
    """

    grid: AnyGrid
    share: float = 0.25
    count_zeros: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"incremental: a `share` is above 0 and up to 1, not {self.share:g}")

    @property
    def fits(self) -> tuple[Of, ...]:
        return HELD

    @property
    def looks(self) -> bool:
        return True

    @property
    def refreshes(self) -> int:
        return ceil(1 / self.share - ROUNDING)

    def made(self, like: Tensor | None) -> Overrider:
        assert like is not None
        return Freezing(self, like)


class Freezing(Overrider):
    """x -> what is held where it is frozen, else x."""

    frozen: Tensor
    held: Tensor
    done: Tensor

    def __init__(self, kind: Incremental, like: Tensor) -> None:
        super().__init__()
        self.kind, self.grid = kind, kind.grid.made(like)
        self.register_buffer("frozen", torch.zeros_like(like, dtype=torch.bool))
        self.register_buffer("held", like.detach().clone())
        self.register_buffer("done", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        # An average of the weights averages what is held, so it is put on the grid here.
        return torch.where(self.frozen & (x != 0), self.grid(self.held), x)

    def start(self, x: Tensor) -> None:
        self.grid.refresh(x)

    def refresh(self, x: Tensor) -> None:
        self.done += 1
        value = self.grid(x)
        counted = torch.ones_like(self.frozen) if self.kind.count_zeros else x != 0
        share = Level(share=min(self.kind.share * int(self.done), 1.0))
        more = share.gone(int(counted.sum())) - int((counted & self.frozen).sum())
        error = (x - value).abs().masked_fill(self.frozen | ~counted, torch.inf)
        chosen = error.flatten().argsort(stable=True)[: max(more, 0)]
        self.held.view(-1)[chosen] = value.flatten()[chosen]
        self.frozen.view(-1)[chosen] = True

    def draw(self, step: int, place: str) -> None:
        self.grid.draw(step, place)
