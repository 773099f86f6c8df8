"""The inverted bottleneck of MobileNetV2: expand, depthwise, project (Sandler et al. 2018)."""

from torch import Tensor, nn

from proxyless_nas.blocks.base import BatchNorm, Block
from proxyless_nas.blocks.conv import ConvNorm, conv_layer
from proxyless_nas.layer import Layer, Shape


class InvertedBottleneck(nn.Module):
    """1x1 expand (absent where there is nothing to expand), k x k depthwise, linear 1x1 project."""

    def __init__(self, parts: dict[str, Layer], norm: BatchNorm, residual: bool) -> None:
        super().__init__()
        for role, layer in parts.items():
            self.add_module(role, ConvNorm(layer, norm, activate=role != "project"))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for part in self.children():
            y = part(y)
        return x + y if self.residual else y


class MBConv(Block, frozen=True, tag="mbconv"):
    """Inverted bottleneck with written widths.

    `mid` is the number of depthwise channels; None leaves the expansion out, so that the
    depthwise convolution works on the block's input. `residual` adds the input to the output;
    it is written, never inferred, because published networks leave it out where they could add.
    """

    out: int
    mid: int | None
    kernel: int
    stride: int = 1
    residual: bool = False

    def output(self, shape: Shape) -> Shape:
        output = shape.after(self.out, self.stride)
        if self.residual and output != shape:
            raise ValueError(f"mbconv {shape} -> {output} cannot have a residual: shapes differ")
        return output

    def layers(self, name: str, shape: Shape) -> tuple[Layer, ...]:
        return tuple(self._parts(name, shape).values())

    def build(self, shape: Shape, norm: BatchNorm) -> nn.Module:
        self.output(shape)
        return InvertedBottleneck(self._parts("", shape), norm, self.residual)

    def _parts(self, name: str, shape: Shape) -> dict[str, Layer]:
        parts: dict[str, Layer] = {}
        if self.mid is not None:
            parts["expand"] = conv_layer(f"{name}.expand", shape, self.mid)
            shape = parts["expand"].output
        depthwise = conv_layer(
            f"{name}.depthwise", shape, shape.channels, self.kernel, self.stride, shape.channels
        )
        project = conv_layer(f"{name}.project", depthwise.output, self.out)
        return {**parts, "depthwise": depthwise, "project": project}
