"""A grid whose ends are averages that move with what flows."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from compression.quantizers.fake import rounded
from compression.quantizers.fitting import TINY
from compression.quantizers.grid import Grid, signed, unsigned
from compression.quantizers.seen import Sample


class Moving(nn.Module):
    """x -> on a grid between `ends` [2], which move in training mode.

    `keeps` of them stays at each step, the rest is the least and the largest number that flows.
    They begin as those that were seen. From 0 up where nothing lies below, else with 0 between
    both, or, symmetric, in the middle.
    """

    moves: ClassVar[tuple[str, ...]] = ("ends",)
    """Buffers of which all workers take the average."""
    ends: Tensor

    def __init__(self, seen: Sample, bits: int, symmetric: bool, keeps: float) -> None:
        super().__init__()
        self.beside = seen.signed and not symmetric
        around = seen.signed and symmetric
        self.grid = signed(bits, restricted=True) if around else unsigned(bits)
        self.keeps = keeps
        self.register_buffer("ends", torch.stack([seen.values.min(), seen.values.max()]))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            with torch.no_grad():
                now = torch.stack(torch.aminmax(x.detach())).to(self.ends)
                self.ends.lerp_(now, 1 - self.keeps)
        return rounded(x, *self._fitted())

    def _fitted(self) -> tuple[Tensor, Grid, Tensor | None]:
        """Step [1], grid, and offset [1] where there is one."""
        low, high = self.ends[:1].clamp(max=0.0), self.ends[1:].clamp(min=0.0)
        if self.beside:
            step = ((high - low) / self.grid.high).clamp(min=TINY)
            return step, self.grid, (low / step).round() * step
        reach = torch.maximum(-low, high) if self.grid.low < 0 else high
        return (reach / self.grid.reach).clamp(min=TINY), self.grid, None

    def limits(self) -> tuple[float, float]:
        """The least and the largest number that it gives."""
        step, grid, offset = self._fitted()
        shift = 0.0 if offset is None else float(offset)
        low, high = ((end + grid.shift) * float(step) + shift for end in (grid.low, grid.high))
        return low, high
