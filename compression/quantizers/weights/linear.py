"""Evenly spaced levels over the range of the weights: `by: range`."""

from torch import Tensor, nn

from compression.quantizers.fitting import fitted, fitted_beside
from compression.quantizers.grid import signed, unsigned
from compression.quantizers.on_grid import OnGrid
from compression.quantizers.over_weight import OverWeight
from compression.quantizers.ranges import TINY, AnyRange, MinMax
from compression.quantizers.weights.base import Rows


class RangeWeights(Rows, frozen=True, tag="range"):
    """Range-linear quantization (Jacob et al. 2018); the range is that of the first weights.

    With `follows` it is that of the weights as they are, whenever the layer is called.
    `symmetric`: around 0, which is a level, as far to both sides; one bit says the sign. Otherwise
    the levels lie between the least and the largest weight, and 0 is one of them.
    """

    symmetric: bool = True
    range: AnyRange = MinMax()
    follows: bool = False

    @property
    def keeps_zeros(self) -> bool:
        """All but the sign alone."""
        return self.bits > 1 or not self.symmetric

    def quantizer(self, weight: Tensor) -> nn.Module:
        self.rows(weight)  # do the groups fit?
        return _Following(self) if self.follows else self.fixed(weight)

    def fixed(self, weight: Tensor) -> nn.Module:
        """The quantizer whose range is that of `weight` for good."""
        rows = self.rows(weight)
        if self.symmetric:
            grid = signed(self.bits, restricted=True)
            if grid.half:
                step = (2 * rows.abs().mean(dim=1, keepdim=True)).clamp(min=TINY)
            else:
                step = fitted(rows, grid, self.range)
            return self.cut(OnGrid(grid, self.like_rows(step, weight)))
        step, offset = fitted_beside(rows, self.bits, self.range)
        step, offset = (self.like_rows(one, weight) for one in (step, offset))
        return self.cut(OnGrid(unsigned(self.bits), step, offset))


class _Following(OverWeight):
    """w -> on a grid over the range that w has now; slopes pass."""

    def __init__(self, kind: RangeWeights) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, weight: Tensor) -> Tensor:
        return self.kind.fixed(weight)(weight)
