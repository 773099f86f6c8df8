"""Small networks that can be gated, settled, and images for them."""

import torch
from torch import Tensor, nn

from proxyless_nas.layer import Shape
from tests.compression.channels.networks import resnet, settle

SHAPE = Shape(3, 8, 8)


def chain() -> nn.Module:
    """[B, 3, 8, 8] -> [B, 5]: two convolutions with batch norms, the second one with a stride."""
    torch.manual_seed(1)
    return settle(
        nn.Sequential(
            nn.Conv2d(3, 10, 3, padding=1), nn.BatchNorm2d(10), nn.ReLU(),
            nn.Conv2d(10, 7, 3, 2, 1, bias=False), nn.BatchNorm2d(7), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, 5),
        )
    )  # fmt: skip


def residual() -> nn.Module:
    """[B, 3, 8, 8] -> [B, 10]: a ResNet with a block in each of its three stages."""
    torch.manual_seed(1)
    return settle(resnet(1, base=8))


def images(count: int, seed: int = 0) -> Tensor:
    """Noise around other means for each image."""
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(count, SHAPE.channels, SHAPE.height, SHAPE.width, generator=chance)
    return x + torch.randn(count, SHAPE.channels, 1, 1, generator=chance)
