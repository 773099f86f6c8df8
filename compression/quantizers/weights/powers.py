"""Weights that are powers of two, so that a multiplication is a shift: `by: powers`."""

import math

import torch
from torch import Tensor, nn

from compression.quantizers.fake import straight
from compression.quantizers.over_weight import OverWeight
from compression.quantizers.weights.base import WeightKind

TINY = 1e-6
"""Below it, the least of 127 powers would be 0 in float32."""


class PowerWeights(WeightKind, frozen=True, tag="powers"):
    """0 and +-2^(e / per_octave): the nearest of them to each weight.

    One bit is the sign; the 2^(bits - 1) codes left are 0 and the largest powers that the weights
    reach, e falling from the one nearest to max|w|. `per_octave` 1 is a shift (INQ, Zhou et al.
    2017; Mayo's shift), more are a finer logarithm (Miyashita et al. 2016). With one bit there is
    no 0: the sign, times the power nearest to the mean of |w|.
    """

    per_octave: int = 1

    def __post_init__(self) -> None:
        WeightKind.__post_init__(self)
        if self.per_octave < 1:
            raise ValueError(f"{self.per_octave} levels per octave are fewer than 1")

    def quantizer(self, weight: Tensor) -> nn.Module:
        sizes = weight.detach().abs()
        top = self._nearest(sizes.mean() if self.bits == 1 else sizes.max())
        powers = max(1, 2 ** (self.bits - 1) - 1)
        sizes = [2.0 ** (one / self.per_octave) for one in range(top - powers + 1, top + 1)]
        positive = sizes if self.bits == 1 else [0.0, *sizes]
        levels = sorted({sign * size for size in positive for sign in (-1.0, 1.0)})
        return Nearest(torch.tensor(levels, device=weight.device))

    def _nearest(self, size: Tensor) -> int:
        """The exponent of the level that is nearest, arithmetically, to a number above 0."""
        number = max(float(size), TINY)
        low = math.floor(math.log2(number) * self.per_octave)
        below, above = (2.0 ** (one / self.per_octave) for one in (low, low + 1))
        return low if number - below <= above - number else low + 1


class Nearest(OverWeight):
    """w -> the nearest of some levels; all slopes pass."""

    levels: Tensor

    def __init__(self, levels: Tensor) -> None:
        super().__init__()
        self.register_buffer("levels", levels)

    def forward(self, w: Tensor) -> Tensor:
        between = (self.levels[1:] + self.levels[:-1]) / 2
        return straight(w, self.levels[torch.bucketize(w.detach().contiguous(), between)])
