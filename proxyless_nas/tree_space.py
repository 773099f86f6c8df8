"""The tree space of ProxylessNAS for CIFAR-10: a pyramid of tree blocks, every edge searched."""

from msgspec import Struct

from proxyless_nas.blocks import BatchNorm, Classifier, Conv
from proxyless_nas.channels import round_channels
from proxyless_nas.edges import TreeEdge
from proxyless_nas.layer import Shape
from proxyless_nas.space import Space

NARROWEST = 64


class TreeLayout(Struct, frozen=True):
    """Three stages of `blocks` trees that widen evenly from 64 to `widest` channels.

    B and F of Cai et al. 2019, section 4.1: 18 and 400 in the paper. Widths are rounded to 8, which
    differs from the published network's by at most one step of 8.
    """

    blocks: int
    widest: int
    input: Shape = Shape(3, 32, 32)
    classes: int = 10


def tree_space(name: str, layout: TreeLayout) -> Space:
    """12 decisions of 7 operations per tree."""
    total = 3 * layout.blocks
    step = (layout.widest - NARROWEST) / total
    widths = [round_channels(NARROWEST + step * (index + 1)) for index in range(total)]
    strides = [2 if index in (layout.blocks, 2 * layout.blocks) else 1 for index in range(total)]
    return Space(
        name,
        layout.input,
        Conv(16, 3, activation="none"),
        tuple(TreeEdge(w, w // 4, s) for w, s in zip(widths, strides, strict=True)),
        None,
        Classifier(layout.classes, preactivated=True),
        BatchNorm(momentum=0.1, eps=1e-5),
    )
