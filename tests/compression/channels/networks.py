"""Small networks, one per way in which channels can hang together."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def settle(module: nn.Module, seed: int = 0) -> nn.Module:
    """Every batch norm has scales, shifts and statistics that matter; eval mode."""
    chance = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor, low, high in (
                (part.weight, 0.5, 1.5),
                (part.bias, -0.5, 0.5),
                (part.running_mean, -0.5, 0.5),
                (part.running_var, 0.5, 1.5),
            ):
                assert tensor is not None
                tensor.data.uniform_(low, high, generator=chance)
    return module.eval()


class Forward(nn.Module):
    """Named layers and a forward that is told from outside."""

    def __init__(self, forward, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self._forward = forward

    def forward(self, x: Tensor) -> Tensor:
        return self._forward(self, x)


class Residual(nn.Module):
    """ResNet's basic block; `pads`: the shortcut of option A, which strides and pads with zeros."""

    def __init__(self, before: int, after: int, stride: int, pads: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.pads = (after - before) // 2 if pads else 0
        self.downsample = None
        if before != after and not pads:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.downsample is not None:
            x = self.downsample(x)
        elif self.pads:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pads, self.pads))
        return F.relu(x + y)


def resnet(blocks: int, pads: bool = False, base: int = 16) -> nn.Module:
    """ResNet for CIFAR-10 with so many blocks per stage: 3 make ResNet-20, 9 ResNet-56."""
    widths = [base, *([base] * blocks), *([2 * base] * blocks), *([4 * base] * blocks)]
    strides = [1 + (index in (blocks, 2 * blocks)) for index in range(3 * blocks)]
    body = [
        Residual(before, after, stride, pads)
        for before, after, stride in zip(widths, widths[1:], strides, strict=False)
    ]
    return nn.Sequential(
        nn.Conv2d(3, base, 3, 1, 1, bias=False),
        nn.BatchNorm2d(base),
        nn.ReLU(),
        *body,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * base, 10),
    )


def shuffle(x: Tensor, groups: int) -> Tensor:
    """ShuffleNet's: [B, groups x n, H, W] with its two halves of channels interleaved."""
    batch, channels, height, width = x.size()
    x = x.view(batch, groups, channels // groups, height, width)
    return x.transpose(1, 2).contiguous().view(batch, -1, height, width)


def attention(self, x: Tensor) -> Tensor:
    """Two heads, whose width is counted from the input's."""
    batch, places, width = x.shape
    queries = self.qkv(x).reshape(batch, places, 3, 2, width // 2).permute(2, 0, 3, 1, 4)
    q, k, v = queries.unbind(0)
    weights = (q @ k.transpose(-2, -1)).softmax(-1)
    x = self.out((weights @ v).transpose(1, 2).reshape(batch, places, width))
    return self.head(F.gelu(self.hidden(x)).mean(1))


def conv(before: int, after: int, kernel: int = 3, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, padding=kernel // 2, groups=groups)


IMAGE, WORDS = (2, 3, 12, 12), (2, 5, 12)
NETWORKS: dict[str, tuple[nn.Module, tuple[int, ...], dict[str, int]]] = {
    "plain": (
        nn.Sequential(conv(3, 8), nn.BatchNorm2d(8), nn.ReLU(), conv(8, 6), nn.Flatten(),
                      nn.Linear(6 * 144, 4)),
        IMAGE, {"0": 8, "3": 6},
    ),
    "squeeze and excitation": (
        Forward(
            lambda s, x: s.head((s.a(x) * s.up(F.relu(s.down(
                F.adaptive_avg_pool2d(s.a(x), 1)))).sigmoid()).mean((2, 3))),
            a=conv(3, 8), down=conv(8, 4, 1), up=conv(4, 8, 1), head=nn.Linear(8, 4),
        ),
        IMAGE, {"a": 8, "down": 4},
    ),
    "concatenation": (
        Forward(
            lambda s, x: s.head(F.max_pool2d(s.bn(torch.cat([s.a(x), x, s.b(x)], 1)), 2)
                                .flatten(1)),
            a=conv(3, 5), b=conv(3, 4), bn=nn.BatchNorm2d(12), head=nn.Linear(12 * 36, 4),
        ),
        IMAGE, {"a": 5, "b": 4},
    ),
    "reused layer": (
        Forward(
            lambda s, x: s.head(F.relu(s.b(F.relu(s.b(s.a(x))))).mean((2, 3))),
            a=conv(3, 8), b=conv(8, 8), head=nn.Linear(8, 4),
        ),
        IMAGE, {"a": 8},
    ),
    "depthwise, grouped and transposed": (
        Forward(
            lambda s, x: s.head(s.up(s.grouped(s.wide(s.a(x)))).mean((2, 3))),
            a=conv(3, 6), wide=conv(6, 12, groups=6), grouped=conv(12, 9, groups=3),
            up=nn.ConvTranspose2d(9, 5, 2, 2), head=nn.Linear(5, 4),
        ),
        IMAGE, {"a": 2, "grouped": 3, "up": 5},
    ),
    "channel shuffle": (
        Forward(
            lambda s, x: s.head(s.b(shuffle(s.a(x), 2)).mean((2, 3))),
            a=conv(3, 8), b=conv(8, 8, groups=8), head=nn.Linear(8, 4),
        ),
        IMAGE, {"a": 4},
    ),
    "chunk": (
        Forward(
            lambda s, x: s.head(torch.cat(
                [s.b(s.a(x).chunk(2, 1)[0]), s.a(x).chunk(2, 1)[1]], 1).mean((2, 3))),
            a=conv(3, 8), b=conv(4, 6), head=nn.Linear(10, 4),
        ),
        IMAGE, {"a": 4, "b": 6},
    ),
    "split by numbers in the code": (
        Forward(
            lambda s, x: s.head(s.b(s.a(x).split([3, 5], 1)[1]).mean((2, 3))),
            a=conv(3, 8), b=conv(5, 6), head=nn.Linear(6, 4),
        ),
        IMAGE, {"b": 6},
    ),
    "view by numbers in the code": (
        Forward(
            lambda s, x: s.head(s.a(x).view(-1, 8 * 144)), a=conv(3, 8), head=nn.Linear(1152, 4)
        ),
        IMAGE, {},
    ),
    "view by counted numbers": (
        Forward(
            lambda s, x: s.head(s.a(x).view(x.size(0), -1)), a=conv(3, 8), head=nn.Linear(1152, 4)
        ),
        IMAGE, {"a": 8},
    ),
    "an operation nobody knows": (
        Forward(
            lambda s, x: s.head(s.b(s.a(x).cumsum(1)).mean((2, 3))),
            a=conv(3, 8), b=conv(8, 6), head=nn.Linear(6, 4),
        ),
        IMAGE, {"b": 6},
    ),
    "sum over channels": (
        Forward(
            lambda s, x: s.head((s.b(x) * s.a(x).mean(1, keepdim=True)).mean((2, 3))),
            a=conv(3, 8), b=conv(3, 6), head=nn.Linear(6, 4),
        ),
        IMAGE, {"b": 6},
    ),
    "one map for all channels": (
        Forward(
            lambda s, x: s.head((s.a(x) * s.map(x).sigmoid()).mean((2, 3))),
            a=conv(3, 8), map=conv(3, 1), head=nn.Linear(8, 4),
        ),
        IMAGE, {"a": 8},
    ),
    "layer norm": (
        Forward(
            lambda s, x: s.head(s.down(F.gelu(s.up(s.norm(s.a(x))))).mean(1)),
            a=nn.Linear(12, 8), norm=nn.LayerNorm(8), up=nn.Linear(8, 16), down=nn.Linear(16, 6),
            head=nn.Linear(6, 4),
        ),
        WORDS, {"up": 16, "down": 6},
    ),
    "attention": (
        Forward(
            lambda s, x: attention(s, s.embed(x)),
            embed=nn.Linear(12, 8), qkv=nn.Linear(8, 24), out=nn.Linear(8, 8),
            hidden=nn.Linear(8, 16), head=nn.Linear(16, 4),
        ),
        WORDS, {"out": 8, "hidden": 16},
    ),
    "norms and activations with a number per channel": (
        Forward(
            lambda s, x: s.head(s.shuffled(s.slope(s.norm(s.a(x)))).mean((2, 3))),
            a=conv(3, 8), norm=nn.GroupNorm(8, 8), slope=nn.PReLU(8),
            shuffled=nn.PixelShuffle(2), head=nn.Linear(2, 4),
        ),
        IMAGE, {"a": 2},
    ),
    "shortcut of option A": (
        resnet(1, pads=True, base=8), (2, 3, 16, 16),
        {"0": 8, "3.conv1": 8, "4.conv1": 16, "5.conv1": 32},
    ),
}  # fmt: skip
"""Network, shape of its input, and the groups that can be cut: the first layer and its width."""
