"""Evenly spaced levels over the range of the weights: `by: range`."""

from torch import Tensor, nn

from compression.quantizers.fake import rounded
from compression.quantizers.fitting import fitted, fitted_beside
from compression.quantizers.grid import Grid, signed, unsigned
from compression.quantizers.on_grid import OnGrid
from compression.quantizers.over_weight import OverWeight
from compression.quantizers.ranges import TINY, AnyRange, MinMax
from compression.quantizers.weights.base import Rows


class RangeWeights(Rows, frozen=True, tag="range"):
    """Range-linear quantization (Jacob et al. 2018); the range is that of the first weights.

    With `follows` it is that of the weights as they are, whenever the layer is called.
    `symmetric`: around 0, which is a level, as far to both sides; one bit says the sign. Otherwise
    the levels lie between the least and the largest weight, and 0 is one of them; without `zero`
    it need not be, and both ends are levels (PocketFlow's uniform quantization).
    """

    symmetric: bool = True
    zero: bool = True
    range: AnyRange = MinMax()
    follows: bool = False

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
        if self.follows:
            self.rows(weight)  # do the groups fit?
            return _Following(self)
        return self.cut(OnGrid(self.grid, *self.spaced(weight, self.grid)))

    @property
    def grid(self) -> Grid:
        """Where the levels lie, in steps."""
        return signed(self.bits, restricted=True) if self.symmetric else unsigned(self.bits)

    def spaced(self, weight: Tensor, grid: Grid) -> tuple[Tensor, Tensor | None]:
        """The step of the grid, and its offset if it has one, over the range of a weight."""
        rows = self.rows(weight)
        if not self.symmetric:
            step, offset = fitted_beside(rows, self.bits, self.range, self.zero)
            return self.like_rows(step, weight), self.like_rows(offset, weight)
        if grid.half:
            step = (2 * rows.abs().mean(dim=1, keepdim=True)).clamp(min=TINY)
        else:
            step = fitted(rows, grid, self.range)
        return self.like_rows(step, weight), None


class _Following(OverWeight):
    """w -> on a grid over the range that w has now; slopes pass."""

    def __init__(self, kind: RangeWeights) -> None:
        super().__init__()
        self.kind, self.grid = kind, kind.grid

    def forward(self, weight: Tensor) -> Tensor:
        group = self.kind.group
        rows = weight if group is None else weight.reshape(-1, group)
        step, offset = self.kind.spaced(weight, self.grid)
        return rounded(rows, step, self.grid, offset).reshape(weight.shape)
