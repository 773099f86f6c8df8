"""A plain convolution with batch norm and activation: the stem and the feature-mixing layer."""

from collections.abc import Mapping
from typing import Self

from msgspec.structs import replace
from torch import nn

from proxyless_nas.blocks.activation import Activation, build_activation
from proxyless_nas.blocks.base import BatchNorm, Block
from proxyless_nas.layer import Layer, Shape


class ConvNorm(nn.Sequential):
    """Convolution, batch norm, activation, if there is one; 'same' padding for odd kernels.

    A Sequential, because a forward that looks its parts up by name takes twice as long in Python.
    """

    def __init__(self, layer: Layer, norm: BatchNorm, activation: Activation) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            layer.input.channels,
            layer.output.channels,
            layer.kernel,
            layer.stride,
            padding=layer.kernel // 2,
            groups=layer.groups,
            bias=False,
        )
        self.bn = norm.build(layer.output.channels)
        if activation != "none":
            self.activation = build_activation(activation)


def conv_layer(
    name: str, shape: Shape, out: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> Layer:
    """Describe one same-padded convolution; ValueError for an even kernel or a stride below 1."""
    if kernel % 2 == 0 or kernel < 1:
        raise ValueError(f"layer {name}: kernel {kernel} is not odd")
    if stride < 1:
        raise ValueError(f"layer {name}: stride {stride} is below 1")
    output = shape.after(out, stride)
    return Layer(f"{name}.conv", "conv", shape, output, kernel, stride, groups)


class Conv(Block, frozen=True, tag="conv"):
    """kernel x kernel convolution to `out` channels, batch norm, activation."""

    out: int
    kernel: int = 1
    stride: int = 1
    activation: Activation = "relu6"

    def output(self, shape: Shape) -> Shape:
        return shape.after(self.out, self.stride)

    def layers(self, name: str, shape: Shape) -> tuple[Layer, ...]:
        return (conv_layer(name, shape, self.out, self.kernel, self.stride),)

    def with_widths(self, name: str, widths: Mapping[str, int]) -> Self:
        return replace(self, out=widths[f"{name}.conv"])

    def build(self, shape: Shape, norm: BatchNorm) -> nn.Module:
        return ConvNorm(self.layers("", shape)[0], norm, self.activation)
