"""Evenly spaced levels over the range that was seen: `by: range`."""

from torch import nn

from compression.quantizers.activations.base import ActivationKind, alone
from compression.quantizers.fitting import fitted, fitted_beside
from compression.quantizers.grid import unsigned
from compression.quantizers.on_grid import OnGrid
from compression.quantizers.ranges import AnyRange, MinMax
from compression.quantizers.seen import Sample


class RangeActivations(ActivationKind, frozen=True, tag="range"):
    """Range-linear quantization (Jacob et al. 2018) of a calibrated range, which then stays.

    Where something lies below zero the levels lie between both ends of the range, 0 among them; or,
    `symmetric`, as far to both sides of 0.
    """

    symmetric: bool = False
    range: AnyRange = MinMax()

    def quantizer(self, seen: Sample) -> nn.Module:
        rows = seen.values[None]
        if seen.signed and not self.symmetric:
            step, offset = fitted_beside(rows, self.bits, self.range)
            return OnGrid(unsigned(self.bits), alone(step), alone(offset))
        grid = self.grid(seen)
        return OnGrid(grid, alone(fitted(rows, grid, self.range)))
