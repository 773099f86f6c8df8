"""The quantizer that most others are: a grid, a step, perhaps an offset, fixed or learned."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from compression.quantizers.fake import learned, rounded
from compression.quantizers.grid import Grid
from compression.quantizers.over_weight import OverWeight

TINY = 1e-8


class OnGrid(OverWeight):
    """x -> the nearest number of the grid times `step`, plus `offset`; both are broadcast to x.

    As parameters they learn (LSQ), as buffers they stay. A learned step keeps its size's sign out:
    its absolute value counts.
    """

    decays: ClassVar[bool] = False
    step: Tensor
    offset: Tensor | None

    def __init__(
        self, grid: Grid, step: Tensor, offset: Tensor | None = None, learns: bool = False
    ) -> None:
        super().__init__()
        self.grid, self.learns = grid, learns
        for name, tensor in (("step", step), ("offset", offset)):
            if tensor is None or not learns:
                self.register_buffer(name, None if tensor is None else tensor.detach().clone())
            else:
                self.register_parameter(name, nn.Parameter(tensor.detach().clone()))

    def forward(self, x: Tensor) -> Tensor:
        if self.learns:
            step = self.step.abs().clamp(min=TINY)
            return learned(x, step, self.grid, self.count(x), self.offset)
        return rounded(x, self.step, self.grid, self.offset)

    def count(self, x: Tensor) -> int:
        """How many numbers of a weight share a step."""
        return x.numel() // self.step.numel()

    @torch.no_grad()
    def codes(self, x: Tensor) -> Tensor:
        """The whole numbers that stand for x, as int32; ValueError for a grid of halves."""
        if self.grid.half:
            raise ValueError("one signed bit has no whole numbers")
        below = x if self.offset is None else x - self.offset
        return (below / self.size()).round().clamp(self.grid.low, self.grid.high).int()

    def limits(self) -> tuple[float, float]:
        """The least and the largest number that one step and offset for everything give."""
        shift = 0.0 if self.offset is None else float(self.offset.detach())
        reach = self.grid.low + self.grid.shift, self.grid.high + self.grid.shift
        low, high = (end * float(self.size()) + shift for end in reach)
        return low, high

    def size(self) -> Tensor:
        """The step, above 0."""
        return self.step.detach().abs().clamp(min=TINY) if self.learns else self.step

    def extra_repr(self) -> str:
        """For print(network)."""
        return f"{self.grid.low}..{self.grid.high}, {'learned' if self.learns else 'fixed'} step"


class OnGridPerImage(OnGrid):
    """The same for images [B, ...]: how fast a step learns does not depend on how many come."""

    def count(self, x: Tensor) -> int:
        """How many numbers of an image share a step."""
        return x[0].numel() // self.step.numel()


class InGroups(OverWeight):
    """A quantizer of rows of `group` numbers, for a weight [out, ...] whose rows are cut so."""

    def __init__(self, inner: nn.Module, group: int) -> None:
        super().__init__()
        self.inner, self.group = inner, group

    def forward(self, weight: Tensor) -> Tensor:
        return self.inner(weight.reshape(-1, self.group)).reshape(weight.shape)
