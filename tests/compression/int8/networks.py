"""Small networks as ONNX files of one image, and images to set ranges by."""

import torch
from torch import Tensor, nn

from compression.int8.make import RangeName, int8_bytes, ranges_by
from latency_tables.graph import to_onnx
from proxyless_nas.layer import Shape

SHAPE = Shape(3, 12, 12)
WIDTHS = {
    "stem": 16,
    "depthwise": 16,
    "expand": 24,
    "project": 40,
    "shortcut": 40,
    "classifier": 10,
}


class Small(nn.Module):
    """A stem, a depthwise layer, a residual whose shortcut has a layer of its own, a classifier."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.expand = nn.Conv2d(16, 24, 1)
        self.project = nn.Conv2d(24, 40, 3, stride=2, padding=1)
        self.shortcut = nn.Conv2d(16, 40, 1, stride=2)
        self.classifier = nn.Linear(40, classes)
        self.relus = nn.ModuleList([nn.ReLU(), nn.ReLU6(), nn.ReLU(), nn.ReLU()])

    def forward(self, x: Tensor) -> Tensor:
        x = self.relus[1](self.depthwise(self.relus[0](self.stem(x))))
        x = self.relus[3](self.project(self.relus[2](self.expand(x))) + self.shortcut(x))
        return self.classifier(x.mean((2, 3)))


def small(classes: int = 10) -> nn.Module:
    """The same weights every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Small(classes).eval()


def images(count: int = 8, shape: Shape = SHAPE) -> Tensor:
    """Noise, [count, *shape]."""
    chance = torch.Generator().manual_seed(1)
    return torch.randn(count, shape.channels, shape.height, shape.width, generator=chance)


def file_of(network: nn.Module, shape: Shape = SHAPE) -> bytes:
    """In float, without the last node, which does nothing."""
    model = to_onnx(network.eval(), shape)
    model.graph.output[0].name = model.graph.node.pop().input[0]
    return model.SerializeToString()


def int8_of(
    data: bytes,
    x: Tensor,
    narrow: bool = True,
    keep: tuple[str, ...] = (),
    ranges: RangeName = "min-max",
) -> bytes:
    """In int8, its ranges set by `x`."""
    return int8_bytes(data, ranges_by(data, x, ranges), narrow, keep)
