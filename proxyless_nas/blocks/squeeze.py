"""Squeeze and excitation: scale each channel by what the whole map says (Hu et al. 2018)."""

from torch import Tensor, nn

from proxyless_nas.layer import Layer, Shape


class SqueezeExcite(nn.Module):
    """[B, C, H, W] -> the same, each channel times a gate between 0 and 1.

    Average, 1x1 to `layers[0].output`, ReLU, 1x1 back, hard sigmoid: the form of MobileNetV3.
    """

    def __init__(self, layers: tuple[Layer, Layer]) -> None:
        super().__init__()
        reduce, expand = layers
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(reduce.input.channels, reduce.output.channels, 1)
        self.relu = nn.ReLU(inplace=True)
        self.expand = nn.Conv2d(expand.input.channels, expand.output.channels, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.expand(self.relu(self.reduce(self.pool(x)))))


def squeeze_layers(name: str, channels: int, squeezed: int) -> tuple[Layer, Layer]:
    """Describe both 1x1 maps; ValueError for less than one squeezed channel."""
    wide, narrow = Shape(channels, 1, 1), Shape(squeezed, 1, 1)
    return (
        Layer(f"{name}.reduce", "conv", wide, narrow, bias=True, norm=False),
        Layer(f"{name}.expand", "conv", narrow, wide, bias=True, norm=False),
    )
