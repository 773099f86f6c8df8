"""What compression has left of a network: how many of its weights are not zero."""

import math

from msgspec import Struct
from torch import nn


class Sparsity(Struct, frozen=True):
    """One tensor with rows and columns: a weight of a layer."""

    name: str
    shape: tuple[int, ...]
    nonzero: int

    @property
    def numbers(self) -> int:
        """All of them."""
        return math.prod(self.shape)


def sparsity_of(module: nn.Module) -> tuple[Sparsity, ...]:
    """All weights of a plain module that have two axes or more, in its order."""
    return tuple(
        Sparsity(name, tuple(parameter.shape), int(parameter.count_nonzero()))
        for name, parameter in module.named_parameters()
        if parameter.ndim > 1
    )


def told(found: tuple[Sparsity, ...]) -> str:
    """In one line."""
    nonzero, numbers = (sum(getattr(one, of) for one in found) for of in ("nonzero", "numbers"))
    return f"{nonzero:,} of {numbers:,} weights are not zero ({nonzero / numbers:.1%})"
