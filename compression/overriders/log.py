"""Numbers that are rounded in their logarithm: `by: log`."""

import torch
from torch import Tensor

from compression.overriders.base import Overrider, OverriderKind
from compression.overriders.fixed import FEWEST
from compression.quantizers.fake import straight

MOST_BITS, LEAST_POINT, MOST_POINT = 16, -16, 7


class Log(OverriderKind, frozen=True, tag="log"):
    """sign(x) 2^q, q the fixed-point number of `width` bits nearest to log2 |x|; 0 stays 0.

    (Miyashita et al. 2016, whose q is a whole number.) `point` bits of q lie before its point, the
    sign of q among them: q lies between -2^(point-1) and 2^(point-1) - 2^(point-width), and sizes
    beyond become those of the ends. Slopes pass up to the largest. Mayo's class of the name did not
    run.
    """

    width: int
    point: int

    def __post_init__(self) -> None:
        if not FEWEST <= self.width <= MOST_BITS:
            raise ValueError(f"a logarithm has {FEWEST} to {MOST_BITS} bits, not {self.width}")
        if not LEAST_POINT <= self.point <= MOST_POINT:
            raise ValueError(
                f"the `point` of a logarithm is {LEAST_POINT} to {MOST_POINT}, so that float32 "
                f"holds its powers: {self.point}"
            )

    def made(self, like: Tensor | None) -> Overrider:
        return Logarithmic(self)


class Logarithmic(Overrider):
    """x -> a power of two with few bits in its exponent."""

    def __init__(self, kind: Log) -> None:
        super().__init__()
        half, self.step = 2 ** (kind.width - 1), 2.0 ** (kind.point - kind.width)
        self.low, self.high = -half, half - 1
        self.top = float(torch.tensor(self.high * self.step).exp2())

    def forward(self, x: Tensor) -> Tensor:
        tiny = 2.0 ** (self.low * self.step)
        size = x.detach().abs().float().clamp(min=tiny)
        power = (size.log2() / self.step).round().clamp(self.low, self.high) * self.step
        value = x.detach().sign() * power.exp2()
        return straight(x.clamp(-self.top, self.top), value.to(x.dtype))
