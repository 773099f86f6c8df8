"""Batch norms that fold away, biases that take over what was shifted, and learned roundings."""

from collections.abc import Sequence
from copy import deepcopy
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from compression.quantizers.activations import RangeActivations
from compression.quantizers.fold import folded
from compression.quantizers.on_grid import InGroups, OnGrid
from compression.quantizers.place import Asked, quantize, weight_quantizers
from compression.quantizers.reconstruct import Reconstruction, reconstruct
from compression.quantizers.repair import correct_biases
from compression.quantizers.weights import (
    AnyWeights,
    CodebookWeights,
    LearnedWeights,
    RangeWeights,
)
from proxyless_nas import hand_made
from proxyless_nas.layer import Shape
from proxyless_nas.published import published_spec
from tests.compression.channels.networks import settle

SHAPE = Shape(3, 8, 8)
LAYERS = ("0", "3", "6", "10", "13")
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def images(count: int, seed: int = 0) -> Tensor:
    """Neighbours are alike, and no mean is 0, as in photographs."""
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 3, 10, 10, generator=chance)
    return nn.functional.avg_pool2d(x, 3, 1) * 2 + torch.tensor([0.5, -0.3, 0.1])[:, None, None]


@cache
def _network() -> nn.Module:
    """[B, 3, 8, 8] -> [B, 5], folded, a depthwise convolution in it."""
    torch.manual_seed(0)
    return settle(
        nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 12, 1), nn.ReLU(), nn.AvgPool2d(4), nn.Flatten(),
            nn.Linear(48, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 5),
        )
    )  # fmt: skip


def whole() -> nn.Module:
    return folded(_network(), SHAPE)


def rounded(
    weights: AnyWeights,
    activations: RangeActivations | None = None,
    names: Sequence[str] = LAYERS,
) -> nn.Module:
    network = whole()
    asked = Asked(weights=weights, activations=activations)
    quantize(network, dict.fromkeys(names, asked), [(images(32), torch.zeros(32))])
    return network


def outputs(network: nn.Module, x: Tensor) -> list[Tensor]:
    """Of each convolution and linear map."""
    found: list[Tensor] = []
    layers = [one for one in network.modules() if isinstance(one, nn.Conv2d | nn.Linear)]

    def called(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        found.append(output)

    handles = [one.register_forward_hook(called) for one in layers]
    with torch.no_grad():
        network(x)
    for handle in handles:
        handle.remove()
    return found


def error(network: nn.Module, x: Tensor) -> float:
    """The mean square of how the answers differ from those in float, relative to theirs."""
    with torch.no_grad():
        expected = whole()(x)
        return float((network(x) - expected).square().mean() / expected.square().mean())


@pytest.mark.parametrize("name", ["resnet20_cifar", "smoke", "linear"])
def test_without_its_batch_norms_a_network_answers_the_same(name: str) -> None:
    """ResNet-20; inverted bottlenecks with depthwise convolutions; linear maps with norms."""
    if name == "linear":
        network, shape = _network(), SHAPE
    else:
        spec = hand_made(name) if name == "smoke" else published_spec(name)
        network, shape = settle(spec.build(seed=0)), spec.input
    before = deepcopy(network.state_dict())
    plain = folded(network, shape)
    assert not any(isinstance(part, NORMS) for part in plain.modules())
    assert any(isinstance(part, NORMS) for part in network.modules())
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)
    x = torch.randn(3, shape.channels, shape.height, shape.width)
    with torch.no_grad():
        expected = network(x)
        assert float((plain(x) - expected).abs().max()) <= 1e-5 * float(expected.abs().max())


def means_apart(network: nn.Module, x: Tensor) -> list[float]:
    """By layer, how far the means of its channels are from those in float, over a deviation."""

    def rows(y: Tensor) -> Tensor:
        return y.transpose(0, 1).flatten(1)

    return [
        float(((rows(a).mean(1) - rows(b).mean(1)).abs() / rows(b).std(1)).max())
        for a, b in zip(outputs(network, x), outputs(whole(), x), strict=True)
    ]


def test_corrected_biases_bring_back_the_mean_of_every_channel() -> None:
    x, fresh = images(64), images(256, seed=1)
    network = rounded(RangeWeights(bits=3, per="tensor"), RangeActivations(bits=4))
    before, unseen = means_apart(network, x), means_apart(network, fresh)
    wrong = error(network, fresh)
    worst = correct_biases(network, whole(), x)
    assert max(before) > 0.2 and worst > 0.2
    assert max(means_apart(network, x)) < 1e-4
    assert max(means_apart(network, fresh)) < 0.5 * max(unseen)
    assert error(network, fresh) < wrong
    bare = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.Flatten(), nn.Linear(256, 5))
    twin = deepcopy(bare)
    quantize(twin, {"0": Asked(weights=RangeWeights(bits=4))})
    with pytest.raises(ValueError, match="0 has no bias to correct: fold the batch norm"):
        correct_biases(twin, bare, x)


ON_GRIDS: list[AnyWeights] = [
    RangeWeights(bits=3),
    RangeWeights(bits=3, per="tensor", symmetric=False),
    RangeWeights(bits=3, group=8),
    LearnedWeights(bits=2),
]


def step_of_each(quantizer: nn.Module, weight: Tensor) -> Tensor:
    """The step of every weight, in the weight's shape."""
    if isinstance(quantizer, InGroups):
        assert isinstance(quantizer.inner, OnGrid)
        return quantizer.inner.size().expand(-1, quantizer.group).reshape(weight.shape)
    assert isinstance(quantizer, OnGrid)
    return quantizer.size().expand_as(weight)


@pytest.mark.parametrize("kind", ON_GRIDS, ids=repr)
def test_learned_roundings_answer_better_on_fresh_images_and_stay_on_their_grid(
    kind: AnyWeights,
) -> None:
    names = LAYERS if getattr(kind, "group", None) is None else LAYERS[2:]
    network, fresh = rounded(kind, RangeActivations(bits=8), names), images(256, seed=1)
    quantizers, before = weight_quantizers(network), error(network, fresh)
    found = reconstruct(network, whole(), images(64), Reconstruction(steps=80))
    assert tuple(one.layer for one in found) == names
    assert all(one.after <= one.before for one in found)
    assert sum(one.after < 0.9 * one.before for one in found) >= 2
    assert error(network, fresh) < 0.8 * before
    moved = list[Tensor]()
    for name in names:
        weight, quantizer = network.get_submodule(name).weight, quantizers[name]
        first = whole().get_submodule(name).weight
        assert isinstance(weight, Tensor) and isinstance(first, Tensor)
        with torch.no_grad():
            torch.testing.assert_close(quantizer(weight), weight)
            step = step_of_each(quantizer, first)
            inside = (quantizer(first) - first).abs() <= 0.501 * step
            moved.append(((weight - first).abs() / step)[inside])
    assert 0.501 < float(torch.cat(moved).max()) < 1.001  # up or down, not always to the nearest


def test_layers_without_even_levels_are_left_as_they_are() -> None:
    network = rounded(CodebookWeights(bits=2))
    before = deepcopy(network.state_dict())
    assert reconstruct(network, whole(), images(8), Reconstruction(steps=2)) == []
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)
    with pytest.raises(ValueError, match="1 step or more, not 0"):
        Reconstruction(steps=0)
