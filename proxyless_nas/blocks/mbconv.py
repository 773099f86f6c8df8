"""The inverted bottleneck of MobileNetV2: expand, depthwise, project (Sandler et al. 2018)."""

from collections.abc import Mapping
from typing import Self

from msgspec.structs import replace
from torch import Tensor, nn

from proxyless_nas.blocks.activation import Activation
from proxyless_nas.blocks.base import BatchNorm, Block
from proxyless_nas.blocks.conv import ConvNorm, conv_layer
from proxyless_nas.blocks.drop_path import DropPath
from proxyless_nas.blocks.squeeze import SqueezeExcite, squeeze_layers
from proxyless_nas.layer import Layer, Shape


class InvertedBottleneck(nn.Sequential):
    """1x1 expand (absent where there is nothing to expand), k x k depthwise, linear 1x1 project."""

    def __init__(self, parts: dict[str, nn.Module], residual: bool) -> None:
        super().__init__()
        for role, part in parts.items():
            self.add_module(role, part)
        self.residual = residual

    def forward(self, input: Tensor) -> Tensor:
        output = super().forward(input)
        return input + output if self.residual else output


class MBConv(Block, frozen=True, tag="mbconv"):
    """Inverted bottleneck with written widths.

    `mid` is the number of depthwise channels; None leaves the expansion out, so that the
    depthwise convolution works on the block's input. `residual` adds the input to the output;
    it is written, never inferred, because published networks leave it out where they could add.
    `squeeze` is the inner width of a squeeze-and-excitation behind the depthwise convolution.
    """

    out: int
    mid: int | None
    kernel: int
    stride: int = 1
    residual: bool = False
    activation: Activation = "relu6"
    squeeze: int | None = None

    def output(self, shape: Shape) -> Shape:
        output = shape.after(self.out, self.stride)
        if self.residual and output != shape:
            raise ValueError(f"mbconv {shape} -> {output} cannot have a residual: shapes differ")
        return output

    def layers(self, name: str, shape: Shape) -> tuple[Layer, ...]:
        convolutions = self._convolutions(name, shape)
        project = convolutions.pop("project")
        return (*convolutions.values(), *self._squeeze(name, project), project)

    def with_widths(self, name: str, widths: Mapping[str, int]) -> Self:
        return replace(
            self,
            out=widths[f"{name}.project.conv"],
            mid=None if self.mid is None else widths[f"{name}.expand.conv"],
            squeeze=None if self.squeeze is None else widths[f"{name}.squeeze.reduce"],
        )

    def build(self, shape: Shape, norm: BatchNorm) -> nn.Module:
        self.output(shape)
        convolutions = self._convolutions("", shape)
        project = convolutions.pop("project")
        parts: dict[str, nn.Module] = {
            role: ConvNorm(layer, norm, self.activation) for role, layer in convolutions.items()
        }
        if gate := self._squeeze("", project):
            parts["squeeze"] = SqueezeExcite(gate)
        parts["project"] = ConvNorm(project, norm, "none")
        if self.residual:
            parts["drop"] = DropPath()
        return InvertedBottleneck(parts, self.residual)

    def _convolutions(self, name: str, shape: Shape) -> dict[str, Layer]:
        parts: dict[str, Layer] = {}
        if self.mid is not None:
            parts["expand"] = conv_layer(f"{name}.expand", shape, self.mid)
            shape = parts["expand"].output
        depthwise = conv_layer(
            f"{name}.depthwise", shape, shape.channels, self.kernel, self.stride, shape.channels
        )
        project = conv_layer(f"{name}.project", depthwise.output, self.out)
        return {**parts, "depthwise": depthwise, "project": project}

    def _squeeze(self, name: str, project: Layer) -> tuple[Layer, Layer] | tuple[()]:
        if self.squeeze is None:
            return ()
        return squeeze_layers(f"{name}.squeeze", project.input.channels, self.squeeze)
