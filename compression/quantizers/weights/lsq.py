"""Evenly spaced levels whose distance is learned: `by: lsq`."""

import math

from torch import Tensor, nn

from compression.quantizers.grid import signed
from compression.quantizers.on_grid import TINY, OnGrid
from compression.quantizers.weights.base import Rows


class LearnedWeights(Rows, frozen=True, tag="lsq"):
    """Learned step size quantization (Esser et al. 2020); begins at 2 mean|w| / sqrt(reach)."""

    def quantizer(self, weight: Tensor) -> nn.Module:
        grid = signed(self.bits)
        reach = max(grid.high, 1)
        step = 2 * self.rows(weight).abs().mean(dim=1, keepdim=True) / math.sqrt(reach)
        return self.cut(OnGrid(grid, self.like_rows(step.clamp(min=TINY), weight), learns=True))
