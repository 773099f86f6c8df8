"""The parts that a tree block is made of, each with its batch norm before its convolution."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from proxyless_nas.blocks.base import BatchNorm
from proxyless_nas.blocks.drop_path import DropPath
from proxyless_nas.layer import Layer


class NormConv(nn.Module):
    """Batch norm, ReLU if `active`, 'same' convolution."""

    def __init__(self, conv: Layer, norm: BatchNorm, active: bool = True) -> None:
        super().__init__()
        channels, out = conv.input.channels, conv.output.channels
        half = conv.kernel // 2
        self.bn = norm.build(channels)
        self.activation = nn.ReLU(inplace=True) if active else nn.Identity()
        self.conv = nn.Conv2d(
            channels, out, conv.kernel, conv.stride, half, groups=conv.groups, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.activation(self.bn(x)))


class NormSeparable(nn.Module):
    """Batch norm, ReLU, k x k depthwise and 1x1 convolution: [B, C, H, W] -> the same."""

    def __init__(self, channels: int, kernel: int, dilation: int, norm: BatchNorm) -> None:
        super().__init__()
        half = dilation * (kernel // 2)
        self.bn = norm.build(channels)
        self.activation = nn.ReLU(inplace=True)
        self.depthwise = nn.Conv2d(
            channels, channels, kernel, 1, half, dilation, groups=channels, bias=False
        )
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(self.activation(self.bn(x))))


class Fork(nn.Module):
    """The sum of two paths from one input: each is an edge, and the fork behind it if there is.

    In training each path can be dropped.
    """

    def __init__(self, edges: list[nn.Module], forks: list["Fork"]) -> None:
        super().__init__()
        self.edges = nn.ModuleList(edges)
        self.forks = nn.ModuleList(forks or [nn.Identity() for _ in edges])
        self.drop = DropPath()

    def forward(self, x: Tensor) -> Tensor:
        paths = zip(self.edges, self.forks, strict=True)
        left, right = [self.drop(fork(edge(x))) for edge, fork in paths]
        return left + right


class Branch(nn.Module):
    """bn(fork(part)) + part, where `part` is one half of the shuffled input.

    [B, 2C, H, W] -> [B, C, H, W]. The input comes from a convolution with two groups; shuffled,
    the channels of its groups alternate. In training the whole branch can be dropped.
    """

    shuffled: Tensor

    def __init__(self, fork: Fork, channels: int, half: int, norm: BatchNorm) -> None:
        super().__init__()
        self.fork = fork
        self.bn = norm.build(channels)
        self.drop = DropPath()
        order = torch.arange(2 * channels).reshape(2, channels).T.flatten()
        self.register_buffer("shuffled", order.chunk(2)[half].clone(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        part = x.index_select(1, self.shuffled)
        return self.drop(self.bn(self.fork(part)) + part)


class TreeBlock(nn.Module):
    """Bottleneck in, grouped convolution, two branches, bottleneck out, and a shortcut around.

    The shortcut averages where the block strides, and is widened with zeros to the output. In
    training all but the shortcut can be dropped.
    """

    def __init__(
        self,
        convs: dict[str, Layer],
        forks: list[Fork],
        norm: BatchNorm,
    ) -> None:
        super().__init__()
        before, root, after = convs["in_bottle"], convs["root"], convs["out_bottle"]
        self.in_bottle = NormConv(before, norm, active=False)
        self.root = NormConv(root, norm)
        self.branches = nn.ModuleList(
            Branch(fork, before.output.channels, half, norm) for half, fork in enumerate(forks)
        )
        self.out_bottle = NormConv(after, norm)
        self.final_bn = norm.build(after.output.channels)
        self.drop = DropPath()
        stride = root.stride
        self.shortcut = nn.AvgPool2d(stride, stride) if stride > 1 else nn.Identity()
        self.zeros = after.output.channels - before.input.channels

    def forward(self, x: Tensor) -> Tensor:
        y = self.root(self.in_bottle(x))
        left, right = [branch(y) for branch in self.branches]
        y = self.drop(self.final_bn(self.out_bottle(left + right)))
        x = self.shortcut(x)
        if self.zeros:
            x = functional.pad(x, (0, 0, 0, 0, 0, self.zeros))
        return x + y
