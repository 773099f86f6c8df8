"""One kind of block per file; `AnyBlock` is the list of them."""

from proxyless_nas.blocks.base import BatchNorm, Block
from proxyless_nas.blocks.classifier import Classifier
from proxyless_nas.blocks.conv import Conv
from proxyless_nas.blocks.mbconv import MBConv
from proxyless_nas.blocks.residual import Residual
from proxyless_nas.blocks.separable import Separable
from proxyless_nas.blocks.skip import Skip
from proxyless_nas.blocks.tree import Tree

AnyBlock = MBConv | Conv | Separable | Residual | Tree | Skip | Classifier

__all__ = [
    "AnyBlock",
    "BatchNorm",
    "Block",
    "Classifier",
    "Conv",
    "MBConv",
    "Residual",
    "Separable",
    "Skip",
    "Tree",
]
