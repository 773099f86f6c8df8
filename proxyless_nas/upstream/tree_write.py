"""Write a description made of tree blocks as a config of the class `PyramidTreeNet`."""

from collections.abc import Sequence
from typing import Any, Literal

from proxyless_nas.blocks import AnyBlock, BatchNorm, Classifier, Conv, Tree
from proxyless_nas.blocks.tree import GROUPS, SEPARABLE
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec
from proxyless_nas.upstream.format import ConvLayer, IdentityLayer, LinearLayer, no_words
from proxyless_nas.upstream.tree_format import (
    TREE_ORDER,
    DepthConvLayer,
    Edge,
    PoolingLayer,
    PyramidTreeNet,
    ResidualTreeBlock,
    TransitionBlock,
    TreeNode,
)

NORM = BatchNorm(momentum=0.1, eps=1e-5)  # torch's own: this config does not say it
POOLING: dict[str, Literal["avg", "max"]] = {"M": "max", "A": "avg"}
BARE: dict[str, Any] = {"use_bn": False, "act_func": None}
LINEAR: dict[str, Any] = {"use_bn": True, "act_func": None}
ACTIVE: dict[str, Any] = {"use_bn": True, "act_func": "relu"}
ALWAYS: dict[str, Any] = {"dropout_rate": 0, "ops_order": TREE_ORDER}


def pyramid(spec: NetworkSpec) -> PyramidTreeNet:
    """The config of a network of tree blocks; ValueError names the part it has no words for."""
    place = f"network {spec.name}"
    if spec.norm != NORM:
        raise no_words(f"{place}, norm", str(spec.norm))
    if spec.mix is not None:
        raise no_words(f"{place}, mix", "a convolution behind tree blocks")
    if spec.stem.activation != "none":
        raise no_words(f"{place}, stem", f"{spec.stem.activation} before tree blocks")
    if not spec.classifier.preactivated:
        raise no_words(f"{place}, classifier", "pooling without batch norm before it")
    shapes = {name: shape for name, _, shape in spec.placed()}
    last = shapes["classifier"]
    if last.height != last.width:
        raise no_words(f"{place}, input", f"images of {spec.input}")
    return PyramidTreeNet(
        blocks=(
            _stem(spec.stem, spec.input.channels),
            *(
                _block(f"{place}, blocks.{index}", block, shapes[f"blocks.{index}"])
                for index, block in enumerate(spec.blocks)
            ),
            TransitionBlock((_pooling("avg", last.channels, last.height, last.height, ACTIVE),)),
        ),
        classifier=_linear(spec.classifier, last.channels),
    )


def _stem(stem: Conv, channels: int) -> TransitionBlock:
    conv = _conv(channels, stem.out, BARE, stem.kernel, stem.stride)
    return TransitionBlock((conv, _identity(stem.out, LINEAR)))


def _block(place: str, block: AnyBlock, shape: Shape) -> ResidualTreeBlock:
    if not isinstance(block, Tree):
        raise no_words(place, f"a {type(block).__name__} between a stem and tree blocks")
    channels, mid, step = shape.channels, block.mid, block.stride
    return ResidualTreeBlock(
        cell_drop_rate=0.0,
        final_bn=True,
        shortcut=_identity(channels) if step == 1 else _pooling("avg", channels, step, step),
        in_bottle=_conv(channels, mid, LINEAR),
        out_bottle=_conv(mid, block.out, ACTIVE),
        cell=_cell(block),
    )


def _cell(block: Tree) -> TreeNode:
    mid = block.mid
    forks = (_fork(block.edges[:3], mid), _fork(block.edges[3:], mid))
    halves = (_identity(mid), _identity(mid))
    split = TreeNode(2 * mid, mid, "split", "add", True, 0, halves, forks)
    root = _conv(mid, 2 * mid, ACTIVE, 3, block.stride, GROUPS)
    return TreeNode(mid, mid, None, None, False, 0, (root,), (split,))


def _fork(pairs: Sequence[str], mid: int) -> TreeNode:
    """The two edges of the first pair; behind each, the fork of one of the others."""
    edges = tuple(_edge(letter, mid) for letter in pairs[0])
    forks = tuple(_fork([pair], mid) for pair in pairs[1:]) or (None, None)
    return TreeNode(mid, mid, "copy", "add", False, 0, edges, forks)


def _edge(letter: str, channels: int) -> Edge:
    if letter == "I":
        return _identity(channels)
    if letter in POOLING:
        return _pooling(POOLING[letter], channels, 3, 1)
    kernel, dilation = SEPARABLE[letter]
    return DepthConvLayer(
        kernel_size=kernel,
        stride=1,
        dilation=dilation,
        groups=1,
        bias=False,
        has_shuffle=False,
        in_channels=channels,
        out_channels=channels,
        **ACTIVE,
        **ALWAYS,
    )


def _conv(
    channels: int,
    out: int,
    before: dict[str, Any],
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
) -> ConvLayer:
    return ConvLayer(
        kernel_size=kernel,
        stride=stride,
        dilation=1,
        groups=groups,
        bias=False,
        has_shuffle=groups > 1,
        in_channels=channels,
        out_channels=out,
        **before,
        **ALWAYS,
    )


def _pooling(
    kind: Literal["avg", "max"],
    channels: int,
    kernel: int,
    stride: int,
    before: dict[str, Any] = BARE,
) -> PoolingLayer:
    return PoolingLayer(
        pool_type=kind,
        kernel_size=kernel,
        stride=stride,
        in_channels=channels,
        out_channels=channels,
        **before,
        **ALWAYS,
    )


def _identity(channels: int, before: dict[str, Any] = BARE) -> IdentityLayer:
    return IdentityLayer(in_channels=channels, out_channels=channels, **before, **ALWAYS)


def _linear(classifier: Classifier, channels: int) -> LinearLayer:
    return LinearLayer(
        in_features=channels,
        out_features=classifier.classes,
        bias=True,
        use_bn=False,
        act_func=None,
        dropout_rate=classifier.dropout or 0,
        ops_order=TREE_ORDER,
    )
