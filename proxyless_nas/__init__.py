"""What networks are: blocks, descriptions, spaces. Imports no sibling package."""

from proxyless_nas.blocks import (
    AnyBlock,
    BatchNorm,
    Classifier,
    Conv,
    MBConv,
    Residual,
    Separable,
    Skip,
    Tree,
)
from proxyless_nas.layer import Layer, Shape
from proxyless_nas.load import load_spec
from proxyless_nas.network import Network, NetworkSpec
from proxyless_nas.space import Edge, Space
from proxyless_nas.spaces import hand_made, named_space
from proxyless_nas.upstream.save import save_upstream
from proxyless_nas.weights import load_weights

__all__ = [
    "AnyBlock",
    "BatchNorm",
    "Classifier",
    "Conv",
    "Edge",
    "Layer",
    "MBConv",
    "Network",
    "NetworkSpec",
    "Residual",
    "Separable",
    "Shape",
    "Skip",
    "Space",
    "Tree",
    "hand_made",
    "load_spec",
    "load_weights",
    "named_space",
    "save_upstream",
]
