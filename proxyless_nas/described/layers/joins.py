"""Layers that take several tensors."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from proxyless_nas.described.layers.base import Sizes, told
from proxyless_nas.described.values import Values

JOINS = ("add", "concat", "mul")


class Concat(nn.Module):
    """Side by side, along a dimension of torch's."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.dimension = dimension

    def forward(self, *each: Tensor) -> Tensor:
        return torch.cat(each, self.dimension)


class Add(nn.Module):
    """The sum of all."""

    def forward(self, *each: Tensor) -> Tensor:
        total = each[0]
        for one in each[1:]:
            total = total + one
        return total


class Multiply(nn.Module):
    """The product of two."""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return one * other


def concat(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """Side by side; `axis` 3 are the channels, 1 and 2 rows and columns."""
    axis = values.raw("axis", 3)
    flat = all(len(one) == 1 for one in inputs)
    dimension = {1: 1} if flat else {1: 2, 2: 3, 3: 1, -1: 1}
    if axis not in dimension:
        values.refuse("axis", f"{axis!r} is none of {', '.join(map(str, dimension))}")
    return Concat(dimension[axis])


def add(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """The sum of several maps of the same sizes."""
    if len(set(inputs)) > 1:
        values.refuse(None, f"adds maps of the same sizes, not {' and '.join(map(told, inputs))}")
    return Add()


def mul(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """The product of two."""
    if len(inputs) != 2:
        values.refuse(None, f"multiplies two, not {len(inputs)}")
    return Multiply()
