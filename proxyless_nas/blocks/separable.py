"""The depthwise-separable convolution of MobileNetV1 (Howard et al. 2017)."""

from collections.abc import Mapping
from typing import Self

from msgspec.structs import replace
from torch import nn

from proxyless_nas.blocks.activation import Activation
from proxyless_nas.blocks.base import BatchNorm, Block
from proxyless_nas.blocks.conv import ConvNorm, conv_layer
from proxyless_nas.layer import Layer, Shape


class Separable(Block, frozen=True, tag="separable"):
    """k x k depthwise, then 1x1 to `out` channels; batch norm and activation behind both."""

    out: int
    kernel: int = 3
    stride: int = 1
    activation: Activation = "relu"

    def output(self, shape: Shape) -> Shape:
        return shape.after(self.out, self.stride)

    def layers(self, name: str, shape: Shape) -> tuple[Layer, ...]:
        channels = shape.channels
        depthwise = conv_layer(
            f"{name}.depthwise", shape, channels, self.kernel, self.stride, channels
        )
        return depthwise, conv_layer(f"{name}.pointwise", depthwise.output, self.out)

    def with_widths(self, name: str, widths: Mapping[str, int]) -> Self:
        return replace(self, out=widths[f"{name}.pointwise.conv"])

    def build(self, shape: Shape, norm: BatchNorm) -> nn.Module:
        module = nn.Sequential()
        for role, layer in zip(("depthwise", "pointwise"), self.layers("", shape), strict=True):
            module.add_module(role, ConvNorm(layer, norm, self.activation))
        return module
