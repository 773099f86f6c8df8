"""Laws of a table's keys."""

import pytest

from latency_tables.signature import parse_signature, signature
from proxyless_nas import Classifier, Conv, MBConv, Residual, Separable, Shape, Tree, named_space
from proxyless_nas.blocks import AnyBlock


def test_a_signature_reads_as_block_and_shape() -> None:
    block = MBConv(24, 144, 3, residual=True)
    assert signature(block, Shape(24, 7, 7)) == (
        "mbconv-in24x7x7-out24-mid144-kernel3-stride1-residual"
    )


@pytest.mark.parametrize("name", ["smoke", "fashion", "imagenet-mobile"])
def test_every_signature_of_a_space_leads_back_to_its_block(name: str) -> None:
    for placed in named_space(name).blocks():
        assert parse_signature(signature(*placed)) == placed


def test_the_paper_space_has_70_different_entries() -> None:
    assert len({signature(*placed) for placed in named_space("imagenet-mobile").blocks()}) == 70


def test_blocks_that_differ_in_time_differ_in_signature() -> None:
    shape = Shape(8, 7, 7)
    blocks = [MBConv(8, None, 3), MBConv(8, 8, 3), MBConv(8, 8, 5), MBConv(8, 8, 3, residual=True)]
    blocks += [MBConv(8, 8, 3, 2), Conv(8, 3), Conv(8), Classifier(8)]
    blocks += [Conv(8, activation="relu"), MBConv(8, 8, 3, squeeze=4), Residual(8, 8)]
    assert len({signature(block, shape) for block in blocks}) == len(blocks)


def test_a_dropout_rate_is_no_part_of_a_signature() -> None:
    shape = Shape(8, 7, 7)
    assert signature(Classifier(10, 0.2), shape) == signature(Classifier(10), shape)


@pytest.mark.parametrize(
    "block",
    [
        Conv(8, activation="none"),
        MBConv(8, 24, 3, activation="hswish", squeeze=4),
        Separable(8, 5, activation="relu6"),
        Residual(8, 4, 3, 1, True),
        Tree(8, 2, ("7M", "DI", "7M", "5D", "55", "3A")),
        Classifier(10, preactivated=True),
    ],
    ids=str,
)
def test_words_lead_back_to_their_block(block: AnyBlock) -> None:
    placed = (block, Shape(8, 7, 7))
    assert parse_signature(signature(*placed)) == placed


@pytest.mark.parametrize(
    "text", ["", "mbconv", "nothing-in8x8x8", "conv-in8x8x8-kernel3", "conv-8"]
)
def test_what_is_no_signature_is_a_value_error_that_quotes_it(text: str) -> None:
    with pytest.raises(ValueError, match=repr(text)):
        parse_signature(text)
