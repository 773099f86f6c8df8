"""Laws of the translation to ONNX, tried in a real ONNX Runtime session."""

import time
from typing import get_args

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from latency_tables.graph import to_onnx
from proxyless_nas import (
    BatchNorm,
    Classifier,
    Conv,
    MBConv,
    Residual,
    Separable,
    Shape,
    Skip,
    Tree,
    load_network,
    named_space,
)
from proxyless_nas.blocks import AnyBlock

SHAPE = Shape(8, 9, 9)
BLOCKS = [
    Conv(12, 3, 2),
    Conv(12),
    MBConv(8, 24, 5, residual=True),
    MBConv(12, None, 3),
    MBConv(12, 24, 3, 2),
    MBConv(12, 24, 3, squeeze=8, activation="hswish"),
    Separable(12, 5, 2),
    Residual(8, 6),
    Residual(12, 6, 5, 2, projected=True),
    Skip(),
    Tree(12, 6, ("7M", "DI", "7M", "5D", "55", "3A")),
    Tree(8, 4, ("II", "AA", "MM", "35", "7D", "I3"), 3),
    Classifier(10, 0.3),
    Classifier(10, preactivated=True),
]


def settled(module: nn.Module) -> nn.Module:
    """Eval mode, with running statistics that are not those of a fresh batch norm."""
    generator = torch.Generator().manual_seed(1)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor in (part.running_mean, part.bias):
                assert tensor is not None
                tensor.data.copy_(torch.randn(tensor.shape, generator=generator) * 0.3)
            for tensor in (part.running_var, part.weight):
                assert tensor is not None
                tensor.data.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return module.eval()


def compare(module: nn.Module, shape: Shape) -> None:
    size = (1, shape.channels, shape.height, shape.width)
    x = torch.randn(size, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = module(x).numpy()
    model = to_onnx(module, shape).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {"x": x.numpy()})
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-4, atol=1e-5)


def test_every_kind_of_block_is_tried_here() -> None:
    assert {type(block) for block in BLOCKS} == set(get_args(AnyBlock))


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_onnx_computes_what_the_block_computes(block) -> None:
    compare(settled(block.build(SHAPE, BatchNorm())), SHAPE)


def test_onnx_computes_what_the_network_computes() -> None:
    spec = named_space("smoke").network([0, 4, 3, 1])
    compare(settled(spec.build(seed=0)), spec.input)


def test_onnx_computes_what_torchvisions_mobilenet_computes() -> None:
    compare(settled(load_network("torchvision:mobilenet_v2", seed=0)), Shape(3, 64, 64))


def test_batch_norm_is_folded_away() -> None:
    spec = named_space("smoke").network([0, 0, 0, 0])
    model = to_onnx(spec.build(seed=0).eval(), spec.input)
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}


def test_a_batch_norm_that_cannot_be_folded_is_still_right() -> None:
    compare(settled(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(8))), SHAPE)


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)

    def forward(self, x):
        y = self.conv(x)
        return self.bn(y) + y


def test_a_convolution_that_others_read_keeps_its_own_values() -> None:
    compare(settled(Shared()), SHAPE)


class Sums(nn.Module):
    def forward(self, x):
        return torch.cumsum(x, 1)


class Ones(nn.Module):
    def forward(self, x):
        return nn.functional.pad(x, (1, 2, 3), value=1.0)


class Zeros(nn.Module):
    def forward(self, x):
        return nn.functional.pad(x, (1, 2, 3, 4, 5, 6))


def test_an_operation_without_translation_is_named() -> None:
    with pytest.raises(ValueError, match="cumsum"):
        to_onnx(Sums().eval(), SHAPE)
    with pytest.raises(ValueError, match="only padding with zeros"):
        to_onnx(Ones().eval(), SHAPE)
    with pytest.raises(ValueError, match="Mish"):
        to_onnx(nn.Sequential(nn.Mish()).eval(), SHAPE)


def test_zeros_stand_where_torch_puts_them() -> None:
    compare(Zeros().eval(), SHAPE)


@pytest.mark.parametrize(
    "pool",
    [
        nn.MaxPool2d(3, 2, 1, dilation=2),
        nn.AvgPool2d((3, 2), padding=1),
        nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    ],
    ids=str,
)
def test_pooling_counts_the_border_as_torch_does(pool: nn.Module) -> None:
    compare(nn.Sequential(pool).eval(), SHAPE)


def test_a_module_in_training_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="eval"):
        to_onnx(Conv(8).build(SHAPE, BatchNorm()), SHAPE)


def test_a_block_is_translated_in_milliseconds() -> None:
    module = MBConv(8, 24, 5, residual=True).build(SHAPE, BatchNorm()).eval()
    took = []
    for _ in range(5):
        start = time.thread_time()
        to_onnx(module, SHAPE)
        took.append(time.thread_time() - start)
    assert min(took) < 0.1


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.first, self.second = nn.Conv2d(8, 8, 1), *map(nn.BatchNorm2d, (8, 8))

    def forward(self, x):
        return self.second(self.conv(self.first(self.conv(x))))


def test_a_convolution_used_twice_is_folded_with_each_of_its_norms() -> None:
    module = Twice()
    nn.init.constant_(module.second.weight, 3.0)
    module.second.weight.requires_grad_(False)
    compare(settled(module), SHAPE)
