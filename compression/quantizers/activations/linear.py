"""Evenly spaced levels over the range that was seen: `by: range`."""

from torch import nn

from compression.quantizers.activations.base import ActivationKind, alone
from compression.quantizers.activations.moving import Moving
from compression.quantizers.fitting import fitted, fitted_beside
from compression.quantizers.grid import unsigned
from compression.quantizers.on_grid import OnGrid
from compression.quantizers.ranges import AnyRange, MinMax
from compression.quantizers.seen import Sample


class RangeActivations(ActivationKind, frozen=True, tag="range"):
    """Range-linear quantization (Jacob et al. 2018) of a calibrated range, which then stays.

    Where something lies below zero the levels lie between both ends of the range, 0 among them; or,
    `symmetric`, as far to both sides of 0. With `follows`, a number below 1, the ends go along with
    what flows while the network learns: at each step they are so much of what they were, and the
    rest the least and the largest number of the step (section 3.1 there).
    """

    symmetric: bool = False
    range: AnyRange = MinMax()
    follows: float | None = None

    def __post_init__(self) -> None:
        ActivationKind.__post_init__(self)
        if self.follows is not None and not 0 <= self.follows < 1:
            raise ValueError(
                f"`follows` is a part that stays, 0 or more and below 1, not {self.follows:g}"
            )
        if self.follows is not None and not isinstance(self.range, MinMax):
            raise ValueError(
                "what follows goes by the least and the largest number: leave `range` out"
            )

    def quantizer(self, seen: Sample) -> nn.Module:
        if self.follows is not None:
            return Moving(seen, self.bits, self.symmetric, self.follows)
        rows = seen.values[None]
        if seen.signed and not self.symmetric:
            step, offset = fitted_beside(rows, self.bits, self.range)
            return OnGrid(unsigned(self.bits), alone(step), alone(offset))
        grid = self.grid(seen)
        return OnGrid(grid, alone(fitted(rows, grid, self.range)))
