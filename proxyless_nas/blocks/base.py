"""What every kind of block can answer: its output shape, its layers, its torch module."""

from collections.abc import Mapping
from typing import Self

from msgspec import Struct
from torch import nn

from proxyless_nas.layer import Layer, Shape


class BatchNorm(Struct, frozen=True, forbid_unknown_fields=True):
    """Batch-norm settings of a network, in torch's convention for `momentum`."""

    momentum: float = 0.1
    eps: float = 1e-3

    def build(self, channels: int) -> nn.BatchNorm2d:
        return nn.BatchNorm2d(channels, eps=self.eps, momentum=self.momentum)


class Block(Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """A frozen description of one block; `kind` is its tag in JSON."""

    def output(self, shape: Shape) -> Shape:
        """The shape behind the block; ValueError where the block cannot follow `shape`."""
        raise NotImplementedError

    def layers(self, name: str, shape: Shape) -> tuple[Layer, ...]:
        """The block's priced operations, named below `name`."""
        raise NotImplementedError

    def with_widths(self, name: str, widths: Mapping[str, int]) -> Self:
        """The block whose layers have so many output channels, by their names below `name`.

        ValueError where no block of the kind does.
        """
        raise NotImplementedError

    def build(self, shape: Shape, norm: BatchNorm) -> nn.Module:
        """The module: [B, *shape] -> [B, *output(shape)]; weights come from torch's generator."""
        raise NotImplementedError


def norm_layer(name: str, shape: Shape) -> Layer:
    """Describe a batch norm that follows no convolution of its own."""
    return Layer(name, "norm", shape, shape, groups=shape.channels, bias=True, norm=False)
