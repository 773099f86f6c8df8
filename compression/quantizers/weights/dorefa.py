"""Weights pressed into [-1, 1], then evenly spaced: `by: dorefa` and `by: wrpn`."""

from torch import Tensor, nn

from compression.quantizers.fake import straight
from compression.quantizers.over_weight import OverWeight
from compression.quantizers.weights.base import WeightKind

TINY = 1e-12


class DorefaWeights(WeightKind, frozen=True, tag="dorefa"):
    """DoReFa-Net (Zhou et al. 2016, equations 9 and 7): 2 Q(tanh w / (2 max|tanh w|) + 1/2) - 1.

    Q rounds [0, 1] to 2^bits levels. One bit is the sign, times the mean of |w|. Weights then lie
    between -1 and 1, whatever they were: a batch norm must follow.
    """

    @property
    def keeps_zeros(self) -> bool:
        """An even number of levels lie as far to both sides of 0."""
        return False

    def quantizer(self, weight: Tensor) -> nn.Module:
        return _Dorefa(self.bits)


class _Dorefa(OverWeight):
    """w -> in [-1, 1]."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def forward(self, w: Tensor) -> Tensor:
        if self.bits == 1:
            size = w.detach().abs().mean()
            return straight(w, size * (1 - 2 * (w < 0).to(w.dtype)))
        most = 2**self.bits - 1
        squeezed = w.tanh()
        reach = squeezed.detach().abs().max().clamp(min=TINY)
        unit = squeezed / (2 * reach) + 0.5
        return 2 * straight(unit, (unit * most).round() / most) - 1


class WrpnWeights(WeightKind, frozen=True, tag="wrpn"):
    """WRPN (Mishra et al. 2018, equation 1): round(clip(w, -1, 1) n) / n, n = 2^(bits-1) - 1.

    One bit is the sign: there the paper's n is 0.
    """

    def quantizer(self, weight: Tensor) -> nn.Module:
        return _Wrpn(self.bits)


class _Wrpn(OverWeight):
    """w -> in [-1, 1]."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def forward(self, w: Tensor) -> Tensor:
        clipped = w.clamp(-1.0, 1.0)
        if self.bits == 1:
            return straight(clipped, 1 - 2 * (w < 0).to(w.dtype))
        most = 2 ** (self.bits - 1) - 1
        return straight(clipped, (clipped * most).round() / most)
