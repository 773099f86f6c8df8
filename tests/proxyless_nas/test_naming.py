"""People can tell blocks apart by name."""

from typing import get_args

from proxyless_nas import Classifier, Conv, MBConv, Residual, Separable, Shape, Skip, Tree
from proxyless_nas.blocks import AnyBlock
from proxyless_nas.naming import label_of

BLOCKS = [
    MBConv(8, 24, 3),
    MBConv(8, 48, 3),
    MBConv(8, 24, 5),
    Conv(8, 3),
    Separable(8),
    Residual(8, 8),
    Tree(8, 2, ("7M", "DI", "7M", "5D", "55", "3A")),
    Tree(8, 2, ("7M", "DI", "7M", "5D", "55", "AA")),
    Skip(),
    Classifier(10),
]


def test_every_kind_of_block_has_a_name_of_its_own() -> None:
    assert {type(block) for block in BLOCKS} == set(get_args(AnyBlock))
    assert len({label_of(block, Shape(8, 7, 7)) for block in BLOCKS}) == len(BLOCKS)
