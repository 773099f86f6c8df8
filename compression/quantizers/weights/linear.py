"""Evenly spaced levels over the range of the weights: `by: range`."""

from torch import Tensor, nn

from compression.quantizers.fitting import fitted, fitted_beside
from compression.quantizers.grid import signed, unsigned
from compression.quantizers.on_grid import OnGrid
from compression.quantizers.ranges import TINY, AnyRange, MinMax
from compression.quantizers.weights.base import Rows


class RangeWeights(Rows, frozen=True, tag="range"):
    """Range-linear quantization (Jacob et al. 2018); the range is that of the first weights.

    `symmetric`: around 0, which is a level, as far to both sides; one bit says the sign. Otherwise
    the levels lie between the least and the largest weight, and 0 is one of them; without `zero`
    it need not be, and both ends are levels (PocketFlow's uniform quantization).
    """

    symmetric: bool = True
    zero: bool = True
    range: AnyRange = MinMax()

    def __post_init__(self) -> None:
        Rows.__post_init__(self)
        if self.symmetric and not self.zero:
            raise ValueError(
                "levels around 0 have 0 among them: without `zero`, `symmetric: false`"
            )

    @property
    def keeps_zeros(self) -> bool:
        """All but the sign alone, and what lies beside 0."""
        return self.zero and (self.bits > 1 or not self.symmetric)

    def quantizer(self, weight: Tensor) -> nn.Module:
        rows = self.rows(weight)
        if self.symmetric:
            grid = signed(self.bits, restricted=True)
            if grid.half:
                step = (2 * rows.abs().mean(dim=1, keepdim=True)).clamp(min=TINY)
            else:
                step = fitted(rows, grid, self.range)
            return self.cut(OnGrid(grid, self.like_rows(step, weight)))
        step, offset = fitted_beside(rows, self.bits, self.range, self.zero)
        step, offset = (self.like_rows(one, weight) for one in (step, offset))
        return self.cut(OnGrid(unsigned(self.bits), step, offset))
