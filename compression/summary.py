"""What compression has left of a network: how many of its weights are not zero."""

import math

from msgspec import Struct
from torch import Tensor, nn


class Sparsity(Struct, frozen=True):
    """One tensor with rows and columns: a weight of a layer."""

    name: str
    shape: tuple[int, ...]
    nonzero: int
    filters: int
    """Outputs with a number that is not zero."""
    channels: int
    """Inputs with a number that is not zero."""

    @property
    def numbers(self) -> int:
        """All of them."""
        return math.prod(self.shape)


def sparsity_of(module: nn.Module) -> tuple[Sparsity, ...]:
    """All weights of a plain module that have two axes or more, in its order."""
    return tuple(
        _sparsity(name, parameter.detach())
        for name, parameter in module.named_parameters()
        if parameter.ndim > 1
    )


def told(found: tuple[Sparsity, ...]) -> str:
    """In one line."""
    nonzero, numbers = (sum(getattr(one, of) for one in found) for of in ("nonzero", "numbers"))
    return f"{nonzero:,} of {numbers:,} weights are not zero ({nonzero / numbers:.1%})"


def _sparsity(name: str, weight: Tensor) -> Sparsity:
    there = weight != 0
    filters = there.flatten(1).any(dim=1)
    channels = there.transpose(0, 1).flatten(1).any(dim=1)
    counts = (int(one.sum()) for one in (there, filters, channels))
    return Sparsity(name, tuple(weight.shape), *counts)
