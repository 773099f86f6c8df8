"""Laws of the split of blocks into layers, and of the keys that name them."""

import pytest
import torch
from torch import Tensor, nn

from latency_tables.layers import LayerPart, layer_parts, parse_layer
from latency_tables.parts import BlockPart, parse_part, parts_of
from proxyless_nas import Classifier, Conv, MBConv, Shape, Skip, named_space

SHAPE = Shape(16, 14, 14)
BLOCKS = [
    MBConv(16, 96, 5, residual=True),
    MBConv(24, 96, 3, stride=2, activation="hswish", squeeze=24),
    MBConv(16, None, 3),
    Conv(24, 3, 2, activation="relu"),
    Classifier(10),
    Classifier(10, preactivated=True),
]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_layers_of_a_block_do_all_its_work_and_hold_all_its_weights(block) -> None:
    parts, whole = parts_of(block, SHAPE, "layer"), BlockPart(block, SHAPE)
    assert sum(part.macs for part in parts) == whole.macs
    assert sum(part.weight_bytes for part in parts) == whole.weight_bytes


def test_an_inverted_bottleneck_is_three_convolutions_and_a_sum() -> None:
    parts = parts_of(MBConv(16, 96, 5, residual=True), SHAPE, "layer")
    assert [part.key for part in parts] == [
        "layer.conv-in16x14x14-out96-kernel1-stride1-groups1-relu6",
        "layer.conv-in96x14x14-out96-kernel5-stride1-groups96-relu6",
        "layer.conv-in96x14x14-out16-kernel1-stride1-groups1",
        "layer.add-in16x14x14-out16",
    ]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_key_names_its_part_and_the_part_can_be_built(block) -> None:
    for part in parts_of(block, SHAPE, "layer"):
        assert parse_part(part.key) == part and isinstance(part, LayerPart)
        shape = part.input
        y = part.model().module(torch.zeros(1, shape.channels, shape.height, shape.width))
        assert y.shape[1] == part.out


class Called(nn.Module):
    """The same activations, as a function and as a method."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = (nn.Conv2d(16, 16, 1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu6(self.two(self.one(x).relu()))


def test_an_activation_is_the_same_as_a_module_and_as_a_call() -> None:
    modules = nn.Sequential(nn.Conv2d(16, 16, 1), nn.ReLU(), nn.Conv2d(16, 16, 1), nn.ReLU6())
    assert layer_parts(Called(), SHAPE) == layer_parts(modules, SHAPE)
    assert [part.activation for part in layer_parts(modules, SHAPE)] == ["relu", "relu6"]


def test_a_skip_has_no_layers() -> None:
    assert parts_of(Skip(), SHAPE, "layer") == parts_of(Skip(), SHAPE, "block") == ()


def test_the_paper_space_has_fewer_than_a_hundred_different_layers() -> None:
    placed = named_space("imagenet-mobile").blocks()
    keys = {part.key for pair in placed for part in parts_of(*pair, "layer")}
    assert 90 <= len(keys) <= 110


@pytest.mark.parametrize(
    "key",
    ["layer.conv", "layer.conv-in1x2-out3", "layer.pool-in3x4x4-out3", "layer.add-in3x4x4-outx"],
)
def test_a_key_that_names_no_layer_is_a_value_error(key: str) -> None:
    with pytest.raises(ValueError, match="names no layer"):
        parse_layer(key)


def test_what_no_layer_can_price_is_named() -> None:
    module = nn.Sequential(nn.Conv2d(3, 3, 3), nn.Softplus())
    with pytest.raises(ValueError, match=r"Softplus.*--granularity block"):
        layer_parts(module, Shape(3, 8, 8))
