"""Importance: published rankings, and laws that any way of guessing must keep."""

from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compression.channels.cut import masked
from compression.channels.groups import Channels, Group, find_channels
from compression.importance import (
    L1,
    L2,
    ActivationMean,
    AnyImportance,
    Apoz,
    BatchNormScale,
    GeometricMedian,
    Random,
    Taylor,
)
from compression.importance.base import Importance, per_channel, weights_of
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.published import published_spec
from proxyless_nas.weights import load_weights
from tests.compression.channels.networks import NETWORKS, settle
from tests.shared import shared

KINDS: tuple[type[Importance], ...] = get_args(AnyImportance)
DATA_FREE = (L1, L2, GeometricMedian, BatchNormScale, Random)
CHANCE = torch.Generator().manual_seed(3)
BATCHES = [
    (torch.randn(4, 3, 32, 32, generator=CHANCE), torch.randint(10, (4,), generator=CHANCE))
    for _ in range(2)
]


@pytest.fixture(scope="module")
def trained() -> tuple[nn.Module, Channels]:
    """ResNet-20 as Distiller trained it."""
    network = published_spec("resnet20_cifar").build()
    load_weights(network, shared("data/distiller/resnet20_cifar10_dense.pth.tar"))
    return network, find_channels(network, BATCHES[0][0])


def order(scores: Tensor) -> list[int]:
    return scores.argsort(stable=True).tolist()


def test_filters_of_distillers_network_rank_as_distiller_ranked_them(
    trained: tuple[nn.Module, Channels],
) -> None:
    network, channels = trained
    first, last = channels.groups[1], channels.groups[-1]
    scores = L1(tensors="first").scores(network, channels)
    golden = [15, 12, 4, 10, 9, 2, 13, 1, 3, 14, 8, 5, 7, 11, 6, 0]
    assert order(scores[first.name]) == golden
    assert order(scores[last.name])[:8] == [38, 33, 10, 43, 17, 49, 47, 30]
    weight = network.get_parameter(next(weights_of(first)).tensor)
    stem = channels.groups[0]
    (taken,) = [one for one in stem.places if one.axis == 1 and one.tensor in _name(first)]
    ranked = order(per_channel(weight.detach().abs(), taken, stem.width))
    assert ranked == [0, 12, 3, 7, 1, 11, 13, 14, 6, 10, 9, 15, 5, 8, 4, 2]


def _name(group: Group) -> str:
    return next(weights_of(group)).tensor


@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_that_is_masked_is_worth_the_least(
    kind: type[Importance], trained: tuple[nn.Module, Channels]
) -> None:
    network, channels = trained
    gone = {group.name: [3, group.width - 2] for group in channels.groups}
    smaller = masked(network, channels, gone)
    for name, scores in kind().scores(smaller, channels, BATCHES).items():
        if kind is GeometricMedian:  # two that are alike are near each other
            assert scores[gone[name][0]] == pytest.approx(float(scores[gone[name][1]]))
        elif kind is not Random:
            assert all(scores[one] == scores.min() == 0 for one in gone[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not BatchNormScale])
def test_every_group_of_any_network_is_scored(kind: type[Importance], name: str) -> None:
    network, shape, expected = NETWORKS[name]
    settle(network)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    channels = find_channels(network, x)
    scores = kind().scores(network, channels, [(x, torch.zeros(len(x), dtype=torch.long))])
    assert {group: len(one) for group, one in scores.items()} == expected
    assert all(one.isfinite().all() and one.min() >= 0 for one in scores.values())


def test_taylor_is_the_slope_at_a_gate_and_answers_are_those_before_the_takers(
    trained: tuple[nn.Module, Channels],
) -> None:
    """The first block's inner channels: made by its first layer, taken by its second alone."""
    network, channels = trained
    group = channels.groups[1]
    (taker,) = [p.tensor.removesuffix(".weight") for p in group.places if p.role == "takes"]
    gate = torch.ones(group.width, requires_grad=True)
    given: list[Tensor] = []

    def gated(_: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
        given.append(inputs[0].detach())
        return inputs[0] * gate[:, None, None]

    handle = network.get_submodule(taker).register_forward_pre_hook(gated)
    slopes = []
    with in_eval_mode(network):
        for x, y in BATCHES:
            loss = F.cross_entropy(network(x), y)
            slopes.append(torch.autograd.grad(loss, gate)[0])
    handle.remove()
    expected = torch.stack(slopes).square().mean(dim=0)
    found = Taylor().scores(network, channels, BATCHES)[group.name]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-12)
    assert all(parameter.grad is None for parameter in network.parameters())

    seen = torch.cat(given)
    means = ActivationMean().scores(network, channels, BATCHES)[group.name]
    torch.testing.assert_close(means, seen.abs().mean(dim=(0, 2, 3)))
    shares = Apoz().scores(network, channels, BATCHES)[group.name]
    torch.testing.assert_close(shares, (seen != 0).float().mean(dim=(0, 2, 3)))


def test_slopes_are_right_behind_a_narrow_strided_shortcut_in_any_layout() -> None:
    narrow = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 8, 1, 2)
    network = settle(
        nn.Sequential(*narrow, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
    )
    channels = find_channels(network, BATCHES[0][0])
    together = [(x.to(memory_format=torch.channels_last), y) for x, y in BATCHES]
    expected = Taylor().scores(network, channels, BATCHES)
    for name, one in Taylor().scores(network, channels, together).items():
        assert one.any()
        torch.testing.assert_close(one, expected[name])


def test_sizes_and_distances_of_one_layer_are_those_of_its_weights() -> None:
    made, takes = nn.Conv2d(3, 5, 3), nn.Linear(5 * 4, 2)
    network = nn.Sequential(made, nn.ReLU(), nn.Flatten(), takes)
    x = torch.randn(2, 3, 4, 4)
    channels = find_channels(network, x)
    rows = made.weight.detach().flatten(1)
    taken = takes.weight.detach().T.reshape(5, 8)
    kinds = (L1(tensors="first"), L2(tensors="first"), GeometricMedian())
    of = [kind.scores(network, channels)["0"] for kind in kinds]
    torch.testing.assert_close(of[0], rows.abs().sum(dim=1))
    torch.testing.assert_close(of[1], rows.norm(dim=1))
    torch.testing.assert_close(of[2], (rows[:, None] - rows).norm(dim=2).sum(dim=1))
    assert made.bias is not None
    whole = torch.cat([rows, taken, made.bias.detach()[:, None]], dim=1)
    torch.testing.assert_close(L2().scores(network, channels)["0"], whole.norm(dim=1))
    with pytest.raises(ValueError, match="channels of 0 pass through no batch norm"):
        BatchNormScale().scores(network, channels)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in DATA_FREE])
def test_what_must_see_images_says_so(
    kind: type[Importance], trained: tuple[nn.Module, Channels]
) -> None:
    with pytest.raises(ValueError, match=f"{kind.__name__} is measured on images"):
        kind().scores(*trained)


def test_chance_has_a_seed(trained: tuple[nn.Module, Channels]) -> None:
    one, same, other = (
        torch.cat([*Random(seed=seed).scores(*trained).values()]) for seed in (1, 1, 2)
    )
    assert (one == same).all() and (one != other).any()
