"""Weights of three values, or of two: `by: ternary` and `by: binary`."""

from typing import Literal

import torch
from torch import Tensor, nn

from compression.quantizers.fake import straight
from compression.quantizers.over_weight import OverWeight
from compression.quantizers.weights.base import Rows

SHARE = 0.7
TINY = 1e-12


class TernaryWeights(Rows, frozen=True, tag="ternary"):
    """-a, 0 or a (ternary weight networks, Li et al. 2016, section 2.2).

    What is smaller than 0.7 times the mean of |w| is 0; a is the mean of the rest. Both follow the
    weights. It takes 2 bits, whatever is said.
    """

    bits: Literal[2] = 2

    def __post_init__(self) -> None:
        Rows.__post_init__(self)
        if self.bits != 2:
            raise ValueError(f"ternary weights take 2 bits, not {self.bits}")

    def quantizer(self, weight: Tensor) -> nn.Module:
        self.rows(weight)  # do the groups fit?
        return self.cut(_Ternary(whole=self.per == "tensor"))


class _Ternary(OverWeight):
    """One size per row, or one for the whole tensor."""

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, w: Tensor) -> Tensor:
        dims = list(range(0 if self.whole else 1, w.dim()))
        size = w.detach().abs()
        large = size > SHARE * size.mean(dim=dims, keepdim=True)
        count = large.sum(dim=dims, keepdim=True).clamp(min=1)
        mean = (size * large).sum(dim=dims, keepdim=True) / count
        return straight(w, w.sign() * large * mean)


class BinaryWeights(Rows, frozen=True, tag="binary"):
    """-a or a, a the mean of |w|, which follows the weights (XNOR-Net, Rastegari et al. 2016).

    Slopes pass where |w| is up to 1 (section 3.1 there). It takes 1 bit, whatever is said.
    """

    bits: Literal[1] = 1

    def __post_init__(self) -> None:
        Rows.__post_init__(self)
        if self.bits != 1:
            raise ValueError(f"binary weights take 1 bit, not {self.bits}")

    def quantizer(self, weight: Tensor) -> nn.Module:
        self.rows(weight)
        return self.cut(_Binary(whole=self.per == "tensor"))


class _Binary(OverWeight):
    """One size per row, or one for the whole tensor."""

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, w: Tensor) -> Tensor:
        dims = list(range(0 if self.whole else 1, w.dim()))
        mean = w.detach().abs().mean(dim=dims, keepdim=True).clamp(min=TINY)
        sign = torch.where(w < 0, -mean, mean)
        return straight(w.clamp(-1.0, 1.0), sign)
