"""The basic block of ResNet: two convolutions and a shortcut around them (He et al. 2016)."""

from collections.abc import Mapping
from typing import Self

from msgspec.structs import replace
from torch import Tensor, nn

from proxyless_nas.blocks.activation import Activation, build_activation
from proxyless_nas.blocks.base import BatchNorm, Block
from proxyless_nas.blocks.conv import ConvNorm, conv_layer
from proxyless_nas.blocks.drop_path import DropPath
from proxyless_nas.layer import Layer, Shape


class BasicBlock(nn.Module):
    """activation(second(first(x)) + shortcut(x)); the shortcut is the identity or a 1x1."""

    def __init__(self, parts: dict[str, Layer], norm: BatchNorm, activation: Activation) -> None:
        super().__init__()
        self.first = ConvNorm(parts["first"], norm, activation)
        self.second = ConvNorm(parts["second"], norm, "none")
        self.drop = DropPath()
        shortcut = parts.get("shortcut")
        self.shortcut = ConvNorm(shortcut, norm, "none") if shortcut else nn.Identity()
        self.activation = build_activation(activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.drop(self.second(self.first(x))) + self.shortcut(x))


class Residual(Block, frozen=True, tag="residual"):
    """Two kernel x kernel convolutions, to `mid` and to `out` channels, and a shortcut.

    `projected` puts a 1x1 convolution with batch norm on the shortcut; without it the input must
    have the output's shape.
    """

    out: int
    mid: int
    kernel: int = 3
    stride: int = 1
    projected: bool = False
    activation: Activation = "relu"

    def output(self, shape: Shape) -> Shape:
        output = shape.after(self.out, self.stride)
        if not self.projected and output != shape:
            raise ValueError(f"residual {shape} -> {output} needs a projected shortcut")
        return output

    def layers(self, name: str, shape: Shape) -> tuple[Layer, ...]:
        return tuple(self._parts(name, shape).values())

    def with_widths(self, name: str, widths: Mapping[str, int]) -> Self:
        mid, out = (widths[f"{name}.{part}.conv"] for part in ("first", "second"))
        return replace(self, mid=mid, out=out)

    def build(self, shape: Shape, norm: BatchNorm) -> nn.Module:
        self.output(shape)
        return BasicBlock(self._parts("", shape), norm, self.activation)

    def _parts(self, name: str, shape: Shape) -> dict[str, Layer]:
        first = conv_layer(f"{name}.first", shape, self.mid, self.kernel, self.stride)
        parts = {
            "first": first,
            "second": conv_layer(f"{name}.second", first.output, self.out, self.kernel),
        }
        if self.projected:
            parts["shortcut"] = conv_layer(f"{name}.shortcut", shape, self.out, 1, self.stride)
        return parts
