"""Each output channel on the grid that suits it: `by: mixed`."""

import torch
from torch import Tensor, nn

from compression.overriders.base import HELD, Of, Overrider, OverriderKind
from compression.overriders.grids import AnyGrid


class Mixed(OverriderKind, frozen=True, tag="mixed"):
    """Of several `grids` each output channel has one: that with the least squared error there.

    Chosen at every refresh; of equally good ones the first. Slopes are those of the chosen grid.
    """

    grids: tuple[AnyGrid, ...]

    def __post_init__(self) -> None:
        if len(self.grids) < 2:
            raise ValueError("mixed: name two `grids` or more to choose from")

    @property
    def fits(self) -> tuple[Of, ...]:
        return HELD

    @property
    def looks(self) -> bool:
        return True

    def made(self, like: Tensor | None) -> Overrider:
        assert like is not None
        return ByChannel([grid.made(like) for grid in self.grids], like)


class ByChannel(Overrider):
    """x [out, ...] -> each channel as one of the grids has it."""

    chosen: Tensor
    """[out, 1, ...]: whose."""

    def __init__(self, grids: list[Overrider], like: Tensor) -> None:
        super().__init__()
        self.grids = nn.ModuleList(grids)
        shape = (len(like), *[1] * (like.dim() - 1))
        chosen = torch.zeros(shape, dtype=torch.long, device=like.device)
        self.register_buffer("chosen", chosen)

    def forward(self, x: Tensor) -> Tensor:
        each = torch.stack([grid(x) for grid in self.grids])
        return each.gather(0, self.chosen.expand_as(x)[None])[0]

    def refresh(self, x: Tensor) -> None:
        lost = []
        for grid in self._each():
            grid.refresh(x)
            lost.append((grid(x) - x).square().reshape(len(x), -1).sum(dim=1))
        self.chosen.copy_(torch.stack(lost).argmin(dim=0).reshape(self.chosen.shape))

    def draw(self, step: int, place: str) -> None:
        for number, grid in enumerate(self._each()):
            grid.draw(step, f"{place} {number}")

    def _each(self) -> list[Overrider]:
        return [grid for grid in self.grids if isinstance(grid, Overrider)]
