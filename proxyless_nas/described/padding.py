"""Padding as TensorFlow counts it: `same` may need one row more below than above."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from proxyless_nas.described.values import Values, pair

Sides = tuple[int, int, int, int]
"""Of left, right, top and bottom, as torch pads."""


def sides_of(
    values: Values, sizes: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int],
    dilation: tuple[int, int], default: Literal["same", "valid"],
) -> Sides:  # fmt: skip
    """What `padding` asks for, on a map of `sizes`: same, valid, a number, or two."""
    asked = values.raw("padding", default)
    if isinstance(asked, str) and asked.lower() == "valid":
        return 0, 0, 0, 0
    if isinstance(asked, str) and asked.lower() == "same":
        top, bottom = _same(sizes[0], kernel[0], stride[0], dilation[0])
        left, right = _same(sizes[1], kernel[1], stride[1], dilation[1])
        return left, right, top, bottom
    if asked == 0:
        return 0, 0, 0, 0
    height, width = values.get("padding", pair, "same, valid, a whole number, or two")
    return width, width, height, height


def _same(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    outputs = -(-size // stride)
    whole = max((outputs - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return whole // 2, whole - whole // 2


def even(sides: Sides) -> tuple[int, int] | None:
    """Height and width, where both ends of each get as much."""
    left, right, top, bottom = sides
    return (top, left) if left == right and top == bottom else None


class Pad(nn.Module):
    """[B, C, H, W] with `value` around it."""

    def __init__(self, sides: Sides, value: float = 0.0) -> None:
        super().__init__()
        self.sides, self.value = sides, value

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, self.sides, value=self.value)

    def extra_repr(self) -> str:
        return f"{self.sides}, {self.value}"


class AveragePool(nn.Module):
    """The mean of what lies in the window, without what was padded around the map."""

    scale: Tensor

    def __init__(
        self, kernel: tuple[int, int], stride: tuple[int, int], sides: Sides,
        sizes: tuple[int, int],
    ) -> None:  # fmt: skip
        super().__init__()
        self.pad = Pad(sides)
        self.pool = nn.AvgPool2d(kernel, stride)
        inside = self.pool(self.pad(torch.ones(1, 1, *sizes)))
        self.register_buffer("scale", 1 / inside, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.pad(x)) * self.scale


def padded(pad: Sides, layer: dict[str, nn.Module], value: float = 0.0) -> dict[str, Any]:
    """The layer behind its padding, where it cannot pad itself."""
    return {"pad": Pad(pad, value), **layer} if even(pad) is None else layer
