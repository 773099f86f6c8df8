"""Networks whose channels hang together in different ways: torchvision's, ResNets, patterns."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from proxyless_nas.torchvision_door import make_classifier
from tests.compression.channels.networks import NETWORKS, Forward, conv, resnet, settle

Case = tuple[nn.Module, Tensor]
FAMILIES = ("resnet18", "mobilenet_v2", "mobilenet_v3_small", "densenet121")
FAMILIES += ("efficientnet_b0", "googlenet", "shufflenet_v2_x1_0", "convnext_tiny")
PATTERNS = {
    **{name: (network, shape) for name, (network, shape, _) in NETWORKS.items()},
    "concatenation, then depthwise": (
        Forward(
            lambda s, x: s.head(s.wide(torch.cat([s.a(x), s.b(x)], 1)).mean((2, 3))),
            a=conv(3, 5), b=conv(3, 4), wide=conv(9, 9, groups=9), head=nn.Linear(9, 4),
        ),
        (2, 3, 12, 12),
    ),
}  # fmt: skip


def cases(side: int) -> dict[str, Callable[[], Case]]:
    """By name: how to make a network, in eval mode, and an input; torchvision's see `side`."""
    found: dict[str, Callable[[], Case]] = {
        name: partial(_case, partial(make_classifier, name, 10), (1, 3, side, side))
        for name in FAMILIES
    }
    for blocks in (3, 9):
        for pads, how in ((False, "1x1"), (True, "zeros (option A)")):
            build = partial(resnet, blocks, pads)
            found[f"ResNet-{6 * blocks + 2}, {how}"] = partial(_case, build, (1, 3, 32, 32))
    for name, (network, shape) in PATTERNS.items():
        found[name] = partial(_case, partial(_same, network), shape)
    return found


def _case(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> Case:
    chance = torch.Generator().manual_seed(1)
    return settle(build()), torch.randn(shape, generator=chance)


def _same(network: nn.Module) -> nn.Module:
    return network
