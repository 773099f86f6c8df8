"""Overriders one after another, over one tensor."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from compression.masks.methods import Method
from compression.overriders.base import Overrider
from compression.overriders.kinds import AnyOverrider
from compression.overriders.masked import Masked
from compression.quantizers.over_weight import OverWeight


class Chain(OverWeight):
    """x -> what the first makes of it, then the second of that, ...; x itself until it is `on`.

    As a parametrization it keeps the tensor below as it is.
    """

    on: Tensor

    def __init__(self, kinds: Sequence[AnyOverrider], like: Tensor | None) -> None:
        super().__init__()
        self.each = nn.ModuleList([_made(kind, like) for kind in kinds])
        self.register_buffer("on", torch.tensor(False))
        self.due = False
        """Whether the next numbers that come are those to choose by."""

    def forward(self, x: Tensor) -> Tensor:
        if self.due:
            self.due = False
            self.refresh(x)
        y = x
        for one in self.each:
            y = one(y)
        return torch.where(self.on, y, x)

    @torch.no_grad()
    def refresh(self, x: Tensor) -> None:
        """Let each choose anew by what the ones before it make of x; from now on it is `on`."""
        first = not self.on
        for one in self.members():
            if first:
                one.start(x)
            one.refresh(x)
            x = one(x)
        self.on.fill_(True)

    def draw(self, step: int, place: str) -> None:
        """Called before every step."""
        for one in self.members():
            one.draw(step, place)

    def penalty(self, x: Tensor) -> Tensor | None:
        """What all of them add to the loss for a tensor x; None for nothing."""
        found = []
        for one in self.members():
            if (more := one.penalty(x)) is not None:
                found.append(more)
            x = one(x)
        return torch.stack(found).sum() if found else None

    def members(self) -> Iterator[Overrider]:
        """In their order."""
        return (one for one in self.each if isinstance(one, Overrider))


def _made(kind: AnyOverrider, like: Tensor | None) -> Overrider:
    if isinstance(kind, Method):
        assert like is not None
        return Masked(kind, like)
    return kind.made(like)
