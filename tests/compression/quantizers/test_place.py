"""Quantizers in a network: rounded as they say, kept by files, and learning goes on below them."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compression.masks import Level, mask_on, plain_copy, refresh
from compression.program import PROGRAM
from compression.quantizers.activations import (
    AnyActivations,
    DorefaActivations,
    LearnedActivations,
    PactActivations,
    RangeActivations,
)
from compression.quantizers.files import open_quantized, write_quantized
from compression.quantizers.fold import folded
from compression.quantizers.place import Asked, input_quantizers, quantizable, quantize
from compression.quantizers.ranges import MeanSquare
from compression.quantizers.seen import Sample, observe
from compression.quantizers.weights import (
    AnyWeights,
    CodebookWeights,
    LearnedWeights,
    PowerWeights,
    RangeWeights,
    TernaryWeights,
)
from proxyless_nas.counting import layers_of
from proxyless_nas.layer import Shape
from proxyless_nas.subject import open_subject
from proxyless_nas.weights import save_tensors
from tests.compression.channels.networks import settle

SUBJECT = open_subject("resnet20_cifar", side=16)
SHAPE = SUBJECT.input
ACTIVATIONS = [
    RangeActivations(bits=4),
    RangeActivations(bits=4, symmetric=True, range=MeanSquare()),
    LearnedActivations(bits=4),
    LearnedActivations(bits=4, offset=True),
    PactActivations(bits=4),
    DorefaActivations(bits=4),
]


@cache
def _settled() -> nn.Module:
    return settle(SUBJECT.build(seed=0))


def resnet() -> nn.Module:
    return deepcopy(_settled())


def images(count: int = 8) -> list[tuple[Tensor, Tensor]]:
    chance = torch.Generator().manual_seed(1)
    x = torch.randn(count, 3, 16, 16, generator=chance)
    return [(x, torch.zeros(count, dtype=torch.long))]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("kind", ACTIVATIONS, ids=repr)
def test_activations_have_few_levels_keep_their_order_and_hold_zero(
    kind: AnyActivations, signed: bool
) -> None:
    values = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    seen = Sample(values if signed else values.relu())
    quantizer = kind.quantizer(seen)
    x = torch.linspace(-6, 6, 2401)
    with torch.no_grad():
        y = quantizer(x)
        torch.testing.assert_close(quantizer(y), y)
    assert len(y.unique()) <= 16 and len(y.unique()) >= 14
    assert (y.diff() >= 0).all() and float(y[1200]) == 0
    assert signed == bool(y.min() < 0) and float(y[0]) == float(y[50])


def test_the_learned_end_of_pact_has_slopes_where_it_clips_and_there_alone() -> None:
    quantizer = PactActivations(bits=4, clip=2.0).quantizer(Sample.blank(signed=False))
    x = torch.tensor([-1.0, 0.5, 1.9, 3.0, 4.0], requires_grad=True)
    (quantizer(x) * torch.tensor([1.0, 1.0, 1.0, 3.0, 4.0])).sum().backward()
    clip = quantizer.get_parameter("clip")
    assert x.grad is not None and clip.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 0, 0] and clip.grad.tolist() == pytest.approx([7])


def test_eight_bits_change_little_and_two_change_much() -> None:
    network, (x, _) = resnet(), images()[0]
    errors = []
    for bits in (8, 2):
        other = deepcopy(network)
        asked = Asked(weights=RangeWeights(bits=bits), activations=RangeActivations(bits=bits))
        quantize(other, dict.fromkeys(quantizable(other, SHAPE), asked), images())
        with torch.no_grad():
            expected = network(x)
            errors.append(float((other(x) - expected).norm() / expected.norm()))
    assert errors[0] < 0.05 < 0.3 < errors[1]


def test_layers_are_still_what_they_were_and_copies_are_their_own() -> None:
    network = resnet()
    before = layers_of(network, SHAPE)
    asked = Asked(weights=LearnedWeights(bits=3), activations=LearnedActivations(bits=3))
    quantize(network, dict.fromkeys(quantizable(network, SHAPE), asked), images())
    assert layers_of(network, SHAPE) == before
    x = images()[0][0]
    copy = deepcopy(network)
    torch.testing.assert_close(copy(x), network(x))
    with torch.no_grad():
        for quantizer in input_quantizers(copy).values():
            quantizer.get_parameter("step").mul_(3)
    assert not torch.allclose(copy(x), network(x))


@pytest.mark.parametrize(
    "kind",
    [
        RangeWeights(group=2),
        CodebookWeights(bits=2),
        PowerWeights(),
        TernaryWeights(),
    ],
    ids=repr,
)
def test_what_a_network_computes_is_counted_under_quantizers_of_weights(kind: AnyWeights) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2))
    shape = Shape(3, 8, 8)
    before = layers_of(network, shape)
    quantize(network, {"2": Asked(weights=kind)})
    assert layers_of(network, shape) == before
    assert quantizable(network, shape) == ["0", "2"]


@pytest.mark.slow
def test_files_of_a_folded_network_with_every_kind_give_the_same_network(tmp_path: Path) -> None:
    network = folded(resnet(), SHAPE)
    names = quantizable(network, SHAPE)
    asked = {name: Asked(weights=LearnedWeights(bits=4)) for name in names}
    kinds = [*ACTIVATIONS, RangeActivations(bits=1), LearnedActivations(bits=1)]
    for name, kind in zip(names[1:], kinds, strict=False):
        asked[name] = Asked(weights=CodebookWeights(bits=3), activations=kind)
    quantize(network, asked, images())
    assert "says how" in write_quantized(network, SUBJECT, tmp_path)
    save_tensors(tmp_path / "weights.pt", network.state_dict())
    again, subject = open_quantized(tmp_path / "quantized.json")
    x = images()[0][0]
    with torch.no_grad():
        expected = network.eval()(x)
        torch.testing.assert_close(again(x), expected, rtol=0, atol=0)
        program = torch.export.load(tmp_path / PROGRAM).module()
        torch.testing.assert_close(program(x), expected, rtol=1e-4, atol=1e-4)
    assert subject == SUBJECT


def test_zeros_stay_zeros_under_quantizers_and_the_mask_can_be_baked() -> None:
    for first in ("mask", "quantizer"):
        network = resnet()
        name = "blocks.0.first.conv"
        layer: Any = network.get_submodule(name)
        if first == "mask":
            mask_on(layer, "weight")
        quantize(network, {name: Asked(weights=RangeWeights(bits=4))})
        refresh(layer, "weight", Level(share=0.5))
        gone = layer.weight == 0
        assert gone.float().mean() >= 0.5
        plain = plain_copy(network)
        x = images()[0][0]
        torch.testing.assert_close(plain(x), network(x))
        own: Any = plain.get_submodule(name)
        assert ((own.weight == 0) == gone).all()
        assert own.parametrizations["weight"][0].grid.levels == 15


def test_batch_norms_disappear_into_layers_where_nothing_else_takes_what_those_make() -> None:
    network = resnet()
    plain = folded(network, SHAPE)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in plain.modules())
    x = images()[0][0]
    torch.testing.assert_close(plain(x), network.eval()(x), rtol=1e-4, atol=1e-4)

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 10, 1), nn.BatchNorm2d(10)

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            return (self.bn(y) + y).mean(dim=(2, 3))

    with pytest.raises(ValueError, match="answers differently"):
        folded(settle(Twice()), SHAPE)


def test_what_is_seen_is_the_same_for_any_batches_and_holds_the_ends() -> None:
    network, (x, y) = resnet(), images(16)[0]
    (sample,) = observe(network, ["stem.conv"], [(x, y)]).values()
    parts = observe(network, ["stem.conv"], [(x[:8], y[:8]), (x[8:], y[8:])])["stem.conv"]
    for one in (sample, parts):
        assert float(one.values.max()) == float(x.max()) and one.signed
    with pytest.raises(ValueError, match="nothing flows into blocks"):
        observe(network, ["blocks.1.first.conv"], [])


def test_what_cannot_be_quantized_is_named() -> None:
    network = resnet()
    asked = Asked(weights=RangeWeights(bits=4))
    with pytest.raises(ValueError, match=r"blocks\.0\.first\.bn is a BatchNorm2d"):
        quantize(network, {"blocks.0.first.bn": asked})
    quantize(network, {"stem.conv": asked})
    with pytest.raises(ValueError, match=r"stem\.conv is quantized already"):
        quantize(network, {"stem.conv": asked})
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    with pytest.raises(ValueError, match="stands in several layers"):
        quantize(tied, {"0": asked})
