"""Least squares from sums over all examples: the normal equations, held steady by a ridge."""

from collections.abc import Iterable

import torch
from msgspec import Struct
from torch import Tensor

RIDGE = 1e-8
"""Of the mean square of an input: what moving a weight costs."""
TINY = 1e-30


class Sums(Struct, frozen=True, eq=False):
    """Of g groups of o answers to d inputs x each: what is left to explain of the answers is r.

    `gram` [g, d, d] is the sum of x x^T, `cross` [g, o, d] that of r x^T, `rest` that of r^2, and
    `whole` that of the squares of what is to be answered; all in float64.
    """

    gram: Tensor
    cross: Tensor
    rest: float
    whole: float

    @classmethod
    def of(cls, pieces: Iterable[tuple[Tensor, Tensor]], whole: float) -> "Sums":
        """From pieces of x [g, d, n] and r [g, o, n]."""
        gram, cross, rest = torch.zeros(()), torch.zeros(()), 0.0
        for x, r in pieces:
            x, r = x.double(), r.double()
            gram, cross = gram.to(x) + x @ x.mT, cross.to(x) + r @ x.mT
            rest += float(r.square().sum())
        return cls(gram, cross, rest, whole)

    def best(self, inputs: Tensor) -> tuple[Tensor, float]:
        """What to add to the weights [g, o, d] of the `inputs` [d] that may move, for the least
        sum of squares, and that sum."""
        gram, cross = self.gram[:, inputs][:, :, inputs], self.cross[..., inputs]
        size = gram.diagonal(dim1=1, dim2=2).mean(dim=1).clamp(min=TINY)
        ridge = RIDGE * size[:, None, None] * torch.eye(gram.shape[1]).to(gram)
        step = torch.linalg.solve(gram + ridge, cross.mT).mT
        moved = torch.zeros_like(self.cross)
        moved[..., inputs] = step
        after = self.rest + float(((step @ gram - 2 * cross) * step).sum())
        return moved, max(after, 0.0)

    def relative(self, squares: float) -> float:
        """In units of what is to be answered."""
        return squares / max(self.whole, TINY)
