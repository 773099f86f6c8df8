"""Evenly spaced levels whose distance is learned: `by: lsq`."""

from torch import nn

from compression.quantizers.activations.base import ActivationKind, alone
from compression.quantizers.fitting import fitted, fitted_beside
from compression.quantizers.grid import signed, unsigned
from compression.quantizers.on_grid import OnGridPerImage
from compression.quantizers.ranges import MeanSquare
from compression.quantizers.seen import Sample


class LearnedActivations(ActivationKind, frozen=True, tag="lsq"):
    """Learned step size quantization (Esser et al. 2020).

    The step begins where the mean square error over what was seen is least (LSQ+, Bhalgat et al.
    2020). With `offset`, where something lies below zero, the lower end is learned too (LSQ+).
    """

    offset: bool = False

    def quantizer(self, seen: Sample) -> nn.Module:
        rows = seen.values[None]
        if seen.signed and self.offset:
            step, offset = fitted_beside(rows, self.bits, MeanSquare())
            grid = unsigned(self.bits)
            return OnGridPerImage(grid, alone(step), alone(offset), learns=True)
        grid = signed(self.bits) if seen.signed else unsigned(self.bits)
        return OnGridPerImage(grid, alone(fitted(rows, grid, MeanSquare())), learns=True)
