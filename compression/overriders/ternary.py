"""Numbers that are a learned size, up or down, or zero: `by: ternary`."""

from math import isfinite
from typing import ClassVar

import torch
from torch import Tensor, nn

from compression.overriders.base import HELD, Of, Overrider, OverriderKind
from compression.quantizers.fake import straight
from compression.quantizers.weights.base import Per

TINY = 1e-8


class Ternary(OverriderKind, frozen=True, tag="ternary"):
    """-s 2^base, 0 or s 2^base, by the sign; what is 0 stays so, and nothing else becomes 0.

    So let a pruner stand before it. s learns, one for the tensor or for each output channel
    (`per`); it begins as `scale`, or such that s 2^base is the mean size of the non-zeros. Slopes
    pass to all numbers.
    """

    base: int = 0
    per: Per = "tensor"
    scale: float | None = None

    def __post_init__(self) -> None:
        if abs(self.base) > 64:
            raise ValueError(f"ternary: a `base` of {self.base} is beyond 64 shifts")
        if self.scale is not None and not (self.scale > 0 and isfinite(self.scale)):
            raise ValueError(f"ternary: a `scale` of {self.scale:g} is no number above 0")

    @property
    def fits(self) -> tuple[Of, ...]:
        return HELD if self.per == "channel" else (*HELD, "input", "output")

    @property
    def looks(self) -> bool:
        return self.scale is None

    @property
    def once(self) -> bool:
        return True

    def made(self, like: Tensor | None) -> Overrider:
        return Signs(self, like)


class Signs(Overrider):
    """x -> its sign times a size that learns."""

    decays: ClassVar[bool] = False

    def __init__(self, kind: Ternary, like: Tensor | None) -> None:
        super().__init__()
        self.kind = kind
        shape = [1]
        if kind.per == "channel" and like is not None:
            shape = [len(like), *[1] * (like.dim() - 1)]
        first = 1.0 if kind.scale is None else kind.scale
        self.scale = nn.Parameter(torch.full(shape, first))
        if like is not None:
            self.start(like.detach().cpu())

    def forward(self, x: Tensor) -> Tensor:
        size = self.scale.abs().clamp(min=TINY) * 2.0**self.kind.base
        return (x.detach().sign() * size + straight(x, torch.zeros_like(x))).to(x.dtype)

    @torch.no_grad()
    def start(self, x: Tensor) -> None:
        if self.kind.scale is None:
            rows = x.abs().reshape(self.scale.numel(), -1).float()
            mean = rows.sum(dim=1) / rows.count_nonzero(dim=1).clamp(min=1)
            found = (mean / 2.0**self.kind.base).clamp(min=TINY)
            self.scale.copy_(found.reshape(self.scale.shape))
