"""The last block: average over space, dropout, one linear map to the classes."""

from collections.abc import Mapping
from typing import Self

from torch import Tensor, nn

from proxyless_nas.blocks.base import BatchNorm, Block, norm_layer
from proxyless_nas.layer import Layer, Shape


class PooledLinear(nn.Module):
    """[B, C, H, W] -> [B, classes]; a `norm` comes first, with ReLU."""

    def __init__(self, channels: int, classes: int, dropout: float, norm: BatchNorm | None) -> None:
        super().__init__()
        self.bn = norm.build(channels) if norm else nn.Identity()
        self.activation = nn.ReLU(inplace=True) if norm else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation(self.bn(x))
        return self.linear(self.dropout(x.mean((2, 3))))


class Classifier(Block, frozen=True, tag="classifier"):
    """Global average pooling, dropout, linear.

    `preactivated` puts batch norm and ReLU before the pooling: behind blocks that end without.
    """

    classes: int
    dropout: float = 0.0
    preactivated: bool = False

    def output(self, shape: Shape) -> Shape:
        return Shape(self.classes, 1, 1)

    def layers(self, name: str, shape: Shape) -> tuple[Layer, ...]:
        pooled = Shape(shape.channels, 1, 1)
        output = self.output(shape)
        linear = Layer(f"{name}.linear", "linear", pooled, output, bias=True, norm=False)
        return (norm_layer(f"{name}.bn", shape), linear) if self.preactivated else (linear,)

    def with_widths(self, name: str, widths: Mapping[str, int]) -> Self:
        return self

    def build(self, shape: Shape, norm: BatchNorm) -> nn.Module:
        first = norm if self.preactivated else None
        return PooledLinear(shape.channels, self.classes, self.dropout, first)
