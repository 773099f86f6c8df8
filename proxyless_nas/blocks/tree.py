"""The residual tree block of ProxylessNAS's CIFAR-10 network (Cai et al. 2019, section 4.1)."""

from collections.abc import Mapping, Sequence
from typing import Self

from msgspec import structs
from torch import nn

from proxyless_nas.blocks.base import BatchNorm, Block, norm_layer
from proxyless_nas.blocks.conv import conv_layer
from proxyless_nas.blocks.tree_modules import Fork, NormSeparable, TreeBlock
from proxyless_nas.layer import Layer, Shape

SEPARABLE = {"3": (3, 1), "5": (5, 1), "7": (7, 1), "D": (3, 2)}  # (kernel, dilation)
LETTERS = "357DMAI"
GROUPS = 2
EDGES = 12  # of a tree: three forks of two in either half


class Tree(Block, frozen=True, tag="tree"):
    """1x1 to `mid` channels, 3x3 in two groups to 2 `mid`, two trees on the halves, 1x1 to `out`.

    A tree forks its input into two edges, forks each again and adds everything up. `edges` names
    them pair by pair: the first fork of the first half, the two forks behind it, then the same for
    the second half. One letter is one operation: `3`, `5`, `7` a depthwise-separable convolution
    of that kernel, `D` one of kernel 3 and dilation 2, `M` and `A` a 3x3 max and average pooling
    (borders not counted), `I` the identity.

    Every convolution has its batch norm, and but for the first 1x1 its ReLU, before it.
    """

    out: int
    mid: int
    edges: tuple[str, str, str, str, str, str]
    stride: int = 1

    def __post_init__(self) -> None:
        for pair in self.edges:
            if len(pair) != 2 or not set(pair) <= set(LETTERS):
                raise ValueError(f"tree edges {pair!r} are not two letters of {LETTERS}")

    def output(self, shape: Shape) -> Shape:
        if self.stride < 1 or shape.height % self.stride or shape.width % self.stride:
            raise ValueError(f"tree of stride {self.stride} on {shape}: the sides do not divide")
        if self.out < shape.channels:
            raise ValueError(f"tree {shape} -> {self.out} channels: it cannot become narrower")
        if self.mid % GROUPS or self.mid < GROUPS:
            raise ValueError(f"tree with mid {self.mid}: not a multiple of {GROUPS}")
        return shape.after(self.out, self.stride)

    def layers(self, name: str, shape: Shape) -> tuple[Layer, ...]:
        convs = self.convs(name, shape)
        inner = convs["out_bottle"].input
        branches: list[Layer] = []
        for index, (edge, letter) in enumerate(
            zip(edge_names(name), "".join(self.edges), strict=True), 1
        ):
            branches += _operation_layers(edge, letter, inner)
            if index % (EDGES // 2) == 0:
                half = index // (EDGES // 2) - 1
                branches.append(norm_layer(f"{name}.branches.{half}.bn", inner))
        return (
            *_normed(convs["in_bottle"]),
            *_normed(convs["root"]),
            *branches,
            *_normed(convs["out_bottle"]),
            norm_layer(f"{name}.final_bn", convs["out_bottle"].output),
        )

    def with_widths(self, name: str, widths: Mapping[str, int]) -> Self:
        raise ValueError(f"{name} is a tree, whose halves and pairs of edges have one width")

    def build(self, shape: Shape, norm: BatchNorm) -> nn.Module:
        edges = [operation(letter, self.mid, norm) for pair in self.edges for letter in pair]
        return tree_module(self, shape, norm, edges)

    def convs(self, name: str, shape: Shape) -> dict[str, Layer]:
        """The three full convolutions; each layer says nothing of the norm before it."""
        first = conv_layer(f"{name}.in_bottle", shape, self.mid)
        root = conv_layer(f"{name}.root", first.output, 2 * self.mid, 3, self.stride, GROUPS)
        inner = structs.replace(root.output, channels=self.mid)
        last = conv_layer(f"{name}.out_bottle", inner, self.out)
        convs = {"in_bottle": first, "root": root, "out_bottle": last}
        return {role: structs.replace(layer, norm=False) for role, layer in convs.items()}


def edge_names(name: str) -> tuple[str, ...]:
    """The modules on the edges of the tree block `name`, in the order of `Tree.edges`."""
    places = ("", ".forks.0", ".forks.1")
    return tuple(
        f"{name}.branches.{half}.fork{place}.edges.{index}"
        for half in (0, 1)
        for place in places
        for index in (0, 1)
    )


def operation(letter: str, channels: int, norm: BatchNorm) -> nn.Module:
    """The operation that a letter means: [B, channels, H, W] -> the same."""
    match letter:
        case "M":
            return nn.MaxPool2d(3, 1, 1)
        case "A":
            return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        case "I":
            return nn.Identity()
    return NormSeparable(channels, *SEPARABLE[letter], norm)


def tree_module(tree: Tree, shape: Shape, norm: BatchNorm, edges: Sequence[nn.Module]) -> TreeBlock:
    """The module of `tree` with these twelve modules on its edges, in the order of `tree.edges`."""
    tree.output(shape)
    pairs = [list(edges[at : at + 2]) for at in range(0, EDGES, 2)]
    forks = [
        Fork(top, [Fork(pair, []) for pair in below])
        for top, *below in (pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :])
    ]
    return TreeBlock(tree.convs("", shape), forks, norm)


def _operation_layers(name: str, letter: str, shape: Shape) -> list[Layer]:
    if letter not in SEPARABLE:
        return []
    kernel, _ = SEPARABLE[letter]
    return [
        norm_layer(f"{name}.bn", shape),
        _bare(f"{name}.depthwise", shape, kernel, shape.channels),
        _bare(f"{name}.pointwise", shape, 1, 1),
    ]


def _bare(name: str, shape: Shape, kernel: int, groups: int) -> Layer:
    return Layer(name, "conv", shape, shape, kernel, groups=groups, norm=False)


def _normed(conv: Layer) -> tuple[Layer, Layer]:
    return norm_layer(f"{conv.name.removesuffix('.conv')}.bn", conv.input), conv
