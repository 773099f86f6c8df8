"""The last block: average over space, dropout, one linear map to the classes."""

from torch import Tensor, nn

from proxyless_nas.blocks.base import BatchNorm, Block
from proxyless_nas.layer import Layer, Shape


class PooledLinear(nn.Module):
    """[B, C, H, W] -> [B, classes]."""

    def __init__(self, channels: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.dropout(x.mean((2, 3))))


class Classifier(Block, frozen=True, tag="classifier"):
    """Global average pooling, dropout, linear."""

    classes: int
    dropout: float = 0.0

    def output(self, shape: Shape) -> Shape:
        return Shape(self.classes, 1, 1)

    def layers(self, name: str, shape: Shape) -> tuple[Layer, ...]:
        pooled = Shape(shape.channels, 1, 1)
        output = self.output(shape)
        return (Layer(f"{name}.linear", "linear", pooled, output, bias=True, norm=False),)

    def build(self, shape: Shape, norm: BatchNorm) -> nn.Module:
        return PooledLinear(shape.channels, self.classes, self.dropout)
