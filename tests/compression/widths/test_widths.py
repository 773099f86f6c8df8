"""Widths for a goal: rounding as published, costs to the digit, and no channel gone too many."""

import numpy as np
import pytest
import torch

from compression.channels.cut import removed
from compression.channels.groups import find_channels
from compression.importance import Random
from compression.widths import Sizes, at_density, chosen_of, evenly, kept_of, lowest_first, ranked
from proxyless_nas.counting import macs_of, parameters_of
from proxyless_nas.layer import Shape
from proxyless_nas.published import published_spec
from tests.compression.channels.networks import NETWORKS

ROUNDED = [(64, 0.3, 2, 44), (64, 0.3, 8, 48), (64, 0.5, 16, 32), (16, 0.9, 2, 2), (16, 0.9, 8, 8)]
ROUNDED += [(3, 0.5, 2, 2), (48, 0.55, 8, 24), (96, 0.35, 8, 64), (320, 0.7, 16, 96), (8, 1, 8, 8)]
IMAGES = [name for name, (_, shape, _) in NETWORKS.items() if len(shape) == 4]
CIFAR = Shape(3, 32, 32)


def resnet20() -> tuple[torch.nn.Module, torch.Tensor]:
    return published_spec("resnet20_cifar").build(), torch.randn(1, 3, 32, 32)


@pytest.mark.parametrize("width, share, multiple, kept", ROUNDED)
def test_widths_are_rounded_as_vitis_rounds_them(
    width: int, share: float, multiple: int, kept: int
) -> None:
    assert kept_of(width, share, multiple) == kept


SLIMMED = [(64, 0.5, 1, 32), (10, 0.33, 1, 4), (7, 0.6, 1, 5), (10, 0.33, 8, 8), (64, 0.51, 8, 40)]
SLIMMED += [(12, 1.0, 8, 12), (30, 0.1, 1, 3)]


@pytest.mark.parametrize("width, density, multiple, kept", SLIMMED)
def test_widths_are_rounded_up_as_network_slimming_rounds_them(
    width: int, density: float, multiple: int, kept: int
) -> None:
    assert kept_of(width, 1 - density, multiple, "up") == kept


@pytest.mark.parametrize("share, multiple", [(-0.1, 1), (1.1, 1), (0.5, 0)])
def test_impossible_widths_are_refused(share: float, multiple: int) -> None:
    with pytest.raises(ValueError):
        kept_of(64, share, multiple)


@pytest.mark.slow
@pytest.mark.parametrize("name", IMAGES)
def test_sizes_are_those_of_the_network_that_is_left(name: str) -> None:
    network, shape, expected = NETWORKS[name]
    x = torch.randn(shape)
    channels = find_channels(network, x)
    ranking = ranked(Random(seed=1).scores(network, channels))
    sizes = Sizes(network, channels, Shape(*shape[1:]), ranking)
    chance = np.random.default_rng(0)
    for _ in range(3):
        gone = {group: int(chance.integers(width)) for group, width in expected.items()}
        smaller = removed(network, channels, chosen_of(gone, ranking), x)
        assert sizes.parameters(gone) == parameters_of(smaller)
        if name != "attention":  # products of no layer
            assert sizes.macs(gone) == macs_of(smaller, Shape(*shape[1:]))


@pytest.mark.slow
@pytest.mark.parametrize("multiple", [1, 2, 8])
def test_the_same_share_goes_everywhere_and_no_more_than_must(multiple: int) -> None:
    network, x = resnet20()
    channels = find_channels(network, x)
    sizes = Sizes(network, channels, CIFAR, ranked(Random().scores(network, channels)))
    whole = sizes.macs({})
    assert whole == 40_813_184
    gone = evenly(sizes.widths, sizes.macs, 0.5 * whole, multiple)
    assert sizes.macs(gone) <= 0.5 * whole
    shares = {width: gone[name] for name, width in sizes.widths.items()}
    assert all(gone[name] == shares[width] for name, width in sizes.widths.items())
    assert all((width - gone[name]) % multiple == 0 for name, width in sizes.widths.items())
    for step in range(1000):  # a share that leaves something else there costs too much
        less = {n: w - kept_of(w, step / 1000, multiple) for n, w in sizes.widths.items()}
        if less == gone:
            break
        assert sizes.macs(less) > 0.5 * whole
    else:
        raise AssertionError("no share leaves these widths")


@pytest.mark.parametrize("multiple", [1, 4])
def test_what_goes_is_worth_less_than_what_stays(multiple: int) -> None:
    network, x = resnet20()
    channels = find_channels(network, x)
    scores = Random(seed=2).scores(network, channels)
    ranking = ranked(scores)
    sizes = Sizes(network, channels, CIFAR, ranking)
    gone = lowest_first(scores, sizes.macs, 0.4 * sizes.macs({}), multiple)
    assert 0.35 * sizes.macs({}) < sizes.macs(gone) <= 0.4 * sizes.macs({})
    lost, next_ones = [], []
    for name, width in sizes.widths.items():
        values, count = scores[name].numpy()[ranking[name]], gone.get(name, 0)
        assert (width - count) % multiple == 0 and width - count >= multiple
        if count:
            lost.append(values[count - multiple : count].mean())
        if width - count > multiple:
            next_ones.append(values[count : count + multiple].mean())
    assert max(lost) <= min(next_ones)


def test_a_goal_out_of_reach_is_refused() -> None:
    network, x = resnet20()
    channels = find_channels(network, x)
    scores = Random().scores(network, channels)
    sizes = Sizes(network, channels, CIFAR, ranked(scores))
    for choose in (
        lambda: evenly(sizes.widths, sizes.macs, 1e5, 8),
        lambda: lowest_first(scores, sizes.macs, 1e5, 8),
    ):
        with pytest.raises(ValueError, match=r"1e\+05 cannot be met: .* still costs"):
            choose()
    assert evenly(sizes.widths, sizes.macs, 1e9) == dict.fromkeys(sizes.widths, 0)
    assert lowest_first(scores, sizes.macs, 1e9) == {}


def test_a_density_leaves_so_many_of_each_group_or_of_all() -> None:
    scores = {"a": torch.tensor([5.0, 1, 9, 3]), "b": torch.tensor([2.0, 8, 0.5, 7, 0.1, 0.2])}
    assert at_density(scores, 0.55, "evenly") == {"a": 1, "b": 2}
    assert at_density(scores, 0.55, "evenly", multiple=2) == {"a": 0, "b": 2}
    for density in (1.0, 0.95, 0.7, 0.55, 0.31, 0.2):
        gone = at_density(scores, density, "lowest-first")
        left = [value for name, one in scores.items()
                for value in one.sort().values[gone.get(name, 0):].tolist()]  # fmt: skip
        every = sorted((*scores["a"].tolist(), *scores["b"].tolist()), reverse=True)
        assert sorted(left, reverse=True) == every[: -int(-10 * density // 1)]
    low = {"a": torch.tensor([0.1, 0.2]), "b": torch.tensor([3.0, 4.0])}
    assert at_density(low, 0.5, "lowest-first") == {"a": 1, "b": 1}  # one stays everywhere
    with pytest.raises(ValueError, match="cannot be met"):
        at_density(low, 0.25, "lowest-first")
