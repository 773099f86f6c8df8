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
from proxyless_nas.counting import layers_of, macs_of, parameters_of
from proxyless_nas.dropping import drop_paths
from proxyless_nas.edges import AnyEdge, Edge, TreeEdge
from proxyless_nas.layer import Layer, Shape
from proxyless_nas.load import load_spec
from proxyless_nas.network import Network, NetworkSpec
from proxyless_nas.space import Space
from proxyless_nas.spaces import hand_made, named_space
from proxyless_nas.subject import load_network, network_input
from proxyless_nas.upstream.save import save_upstream
from proxyless_nas.weights import load_weights
from proxyless_nas.zoo import ZOO

proxyless_cifar = ZOO["proxyless_cifar"]
proxyless_cpu = ZOO["proxyless_cpu"]
proxyless_gpu = ZOO["proxyless_gpu"]
proxyless_mobile = ZOO["proxyless_mobile"]
proxyless_mobile_14 = ZOO["proxyless_mobile_14"]

__all__ = [
    "AnyBlock",
    "AnyEdge",
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
    "TreeEdge",
    "drop_paths",
    "hand_made",
    "layers_of",
    "load_network",
    "load_spec",
    "load_weights",
    "macs_of",
    "named_space",
    "network_input",
    "parameters_of",
    "proxyless_cifar",
    "proxyless_cpu",
    "proxyless_gpu",
    "proxyless_mobile",
    "proxyless_mobile_14",
    "save_upstream",
]
