"""Read a config of the class `PyramidTreeNet`: what it says becomes a NetworkSpec or an error.

A config is full of repetition. The few facts in it are looked up and made into a description; the
description is then written as a config again, and any other difference is an error.
"""

import math
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from proxyless_nas.blocks import Classifier, Conv, Tree
from proxyless_nas.blocks.tree import SEPARABLE
from proxyless_nas.files import decode_json
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec
from proxyless_nas.upstream.format import ConvLayer, IdentityLayer
from proxyless_nas.upstream.tree_format import (
    DepthConvLayer,
    Edge,
    PoolingLayer,
    PyramidTreeNet,
    ResidualTreeBlock,
    TransitionBlock,
    TreeNode,
)
from proxyless_nas.upstream.tree_write import NORM, POOLING, pyramid

LETTERS = {size: letter for letter, size in SEPARABLE.items()}
POOLS = {kind: letter for letter, kind in POOLING.items()}
DROPPED = (
    ": with a rate the original scales the outputs in tests too, which no description can say. To "
    "train with drops, write 0 there and call proxyless_nas.drop_paths"
)


def read_pyramid(data: bytes, path: str | Path) -> NetworkSpec:
    """The description in the bytes of `path`, named after the file.

    ValueError names the file, the place and the key of what cannot be said in our description.
    """
    config = decode_json(data, PyramidTreeNet, path)
    try:
        spec = _network(config, Path(path).stem)
        _insist("", config, pyramid(spec))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return spec


def _network(config: PyramidTreeNet, name: str) -> NetworkSpec:
    stem, pooling = _ends(config)
    blocks = tuple(
        _tree(f"blocks.{index}", block) for index, block in enumerate(config.blocks[1:-1], start=1)
    )
    side = pooling.kernel_size * stem.stride * math.prod(block.stride for block in blocks)
    return NetworkSpec(
        name,
        Shape(stem.in_channels, side, side),
        Conv(stem.out_channels, stem.kernel_size, stem.stride, "none"),
        blocks,
        None,
        Classifier(config.classifier.out_features, config.classifier.dropout_rate, True),
        NORM,
    )


def _ends(config: PyramidTreeNet) -> tuple[ConvLayer, PoolingLayer]:
    """The convolution with which the network begins and the pooling with which it ends."""
    match config.blocks:
        case (
            TransitionBlock(layers=(ConvLayer() as stem, *_)),
            *_,
            TransitionBlock(layers=(PoolingLayer() as pooling, *_)),
        ):
            return stem, pooling
    raise ValueError(
        "blocks must begin with a TransitionBlock of a ConvLayer and end with one of a PoolingLayer"
    )


def _tree(place: str, block: TransitionBlock | ResidualTreeBlock) -> Tree:
    if not isinstance(block, ResidualTreeBlock):
        raise ValueError(f"{place} is a TransitionBlock; only the first and the last can be one")
    match block.cell:
        case TreeNode(
            edges=(ConvLayer() as root, *_),
            child_nodes=(TreeNode(child_nodes=(TreeNode() as first, TreeNode() as second)), *_),
        ):
            split = f"{place}.cell.child_nodes.0.child_nodes"
            a, b, c = _pairs(f"{split}.0", first)
            d, e, f = _pairs(f"{split}.1", second)
            edges = (a, b, c, d, e, f)
            return Tree(block.out_bottle.out_channels, root.in_channels, edges, root.stride)
    raise ValueError(f"{place}.cell must be a ConvLayer and a node with two nodes behind it")


def _pairs(place: str, top: TreeNode) -> tuple[str, str, str]:
    match top.child_nodes:
        case (TreeNode() as left, TreeNode() as right):
            children = f"{place}.child_nodes"
            return (
                _pair(place, top),
                _pair(f"{children}.0", left),
                _pair(f"{children}.1", right),
            )
    raise ValueError(f"{place}.child_nodes must be two nodes")


def _pair(place: str, node: TreeNode) -> str:
    if len(node.edges) != 2:
        raise ValueError(f"{place}.edges are {len(node.edges)}, not two")
    return "".join(_letter(f"{place}.edges.{at}", edge) for at, edge in enumerate(node.edges))


def _letter(place: str, edge: Edge) -> str:
    match edge:
        case IdentityLayer():
            return "I"
        case PoolingLayer():
            return POOLS[edge.pool_type]
        case DepthConvLayer() if (edge.kernel_size, edge.dilation) in LETTERS:
            return LETTERS[edge.kernel_size, edge.dilation]
        case DepthConvLayer():
            raise ValueError(
                f"{place} has kernel_size {edge.kernel_size} and dilation {edge.dilation}; can be "
                f"read: {', '.join(str(size) for size in LETTERS)}"
            )
    raise ValueError(f"{place} is a {type(edge).__name__}; a tree has none on its edges")


def _insist(place: str, written: Any, readable: Any) -> None:
    """ValueError at the first place where two configs differ."""
    match written, readable:
        case Struct(), Struct() if type(written) is type(readable):
            for key in written.__struct_fields__:
                _insist(f"{place}.{key}", getattr(written, key), getattr(readable, key))
        case tuple(), tuple() if len(written) == len(readable):
            for index, pair in enumerate(zip(written, readable, strict=True)):
                _insist(f"{place}.{index}", *pair)
        case _ if written != readable:
            where, there = place.removeprefix("."), _short(readable)
            hint = DROPPED if where.endswith("_drop_rate") else ""
            raise ValueError(f"{where} is {_short(written)}; only {there} can be read there{hint}")


def _short(value: Any) -> str:
    if isinstance(value, Struct):
        return f"a {type(value).__name__}"
    if isinstance(value, tuple):
        return f"a list of {len(value)}"
    return msgspec.json.encode(value).decode()
