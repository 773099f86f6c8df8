"""Masked equals removed, whatever channels go through; where it would not, they are kept."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as some
from torch import nn

from compression.channels.cut import apart, masked, must_agree, removed, widened
from compression.channels.groups import Channels, find_channels
from proxyless_nas import parameters_of
from proxyless_nas.load import load_spec
from tests.compression.channels.networks import NETWORKS, conv, resnet, settle

FAMILIES = ("resnet18", "mobilenet_v2", "mobilenet_v3_small", "densenet121")
FAMILIES += ("efficientnet_b0", "googlenet", "shufflenet_v2_x1_0", "convnext_tiny")
KEPT = {
    "split by numbers in the code": ("a", "split cuts channels by numbers in the code"),
    "view by numbers in the code": ("a", "view names the number of channels in the code"),
    "an operation nobody knows": ("a", "what cumsum does with channels is not known here"),
    "sum over channels": ("a", "mean sums up over channels"),
    "one map for all channels": ("map", "one channel meets 8 in mul"),
    "layer norm": ("a", "LayerNorm norm weighs channels against each other"),
    "attention": ("embed", "reshape uses their number for other channels"),
    "plain": ("5", "it is in the network's answer"),
}


def some_of(channels: Channels, seed: int, share: float = 0.5) -> dict[str, list[int]]:
    """A random share of every group, but never all of it."""
    chance = np.random.default_rng(seed)
    return {
        group.name: chance.choice(
            group.width, min(round(share * group.width), group.width - 1), replace=False
        ).tolist()
        for group in channels.groups
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_masked_equals_removed_and_the_groups_are_those_of_the_network(name: str) -> None:
    network, shape, expected = NETWORKS[name]
    settle(network)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    channels = find_channels(network, x)
    assert {group.name: group.width for group in channels.groups} == expected
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    for seed in range(3):
        smaller = removed(network, channels, some_of(channels, seed), x)
        assert (parameters_of(smaller) < parameters_of(network)) == bool(expected)
        wide = widened(network, channels, some_of(channels, seed), smaller.state_dict())
        assert masked_alike(wide, masked(network, channels, some_of(channels, seed)))
        again = find_channels(smaller, x)  # a smaller network is a network
        removed(smaller, again, some_of(again, seed), x)
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())


def masked_alike(one: nn.Module, other: nn.Module) -> bool:
    both = one.state_dict(), other.state_dict()
    return all(torch.equal(both[0][key], tensor) for key, tensor in both[1].items())


def test_what_a_narrow_network_has_learned_is_put_back_where_it_was() -> None:
    network, x = settle(resnet(1)), torch.randn(2, 3, 32, 32)
    channels = find_channels(network, x)
    chosen = some_of(channels, 0)
    smaller = removed(network, channels, chosen, x)
    chance = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for tensor in smaller.parameters():
            tensor += 0.1 * torch.randn(tensor.shape, generator=chance)
    wide = widened(network, channels, chosen, smaller.state_dict())
    assert must_agree(smaller, wide, x) <= 1e-5
    assert parameters_of(wide) == parameters_of(network) > parameters_of(smaller)
    assert masked_alike(removed(wide, channels, chosen, x), smaller)
    with pytest.raises(ValueError, match=r"is left of the whole one"):
        widened(network, channels, chosen, network.state_dict())
    with pytest.raises(ValueError, match="other tensors"):
        widened(network, channels, chosen, {})


def test_rounding_alone_is_no_difference() -> None:
    one = nn.Sequential(nn.Linear(4, 64), nn.Linear(64, 3)).requires_grad_(False)
    first, second = (part for part in one if isinstance(part, nn.Linear))
    first.weight[32:], first.bias[32:] = first.weight[:32], first.bias[:32]
    large = 1e4 * second.weight[:, :32]
    second.weight[:, :32] += large
    second.weight[:, 32:] -= large  # what is left is a ten-thousandth of the summands
    other, order = deepcopy(one), torch.randperm(64, generator=torch.Generator().manual_seed(1))
    for part, axis in zip(other, (0, 1), strict=True):
        assert isinstance(part, nn.Linear)
        part.weight.copy_(part.weight.index_select(axis, order))
    other[0].bias.copy_(first.bias[order])  # type: ignore[operator]
    x = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
    assert apart([one(x)], [other(x)]) > 1e-5
    assert must_agree(one, other, x) < 1e-9
    other[0].bias.mul_(1.001)  # type: ignore[operator]
    with pytest.raises(ValueError, match="answers differently"):
        must_agree(one, other, x)


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_says_why(name: str) -> None:
    network, shape, _ = NETWORKS[name]
    layer, reason = KEPT[name]
    channels = find_channels(network, torch.zeros(shape))
    assert channels.kept[layer] == reason
    with pytest.raises(LookupError, match=f"no channels of {layer} can leave: .*{reason[:20]}"):
        channels[layer]


@pytest.mark.parametrize(("blocks", "groups"), [(3, 12), (9, 30)])
def test_resnets_for_cifar_have_a_group_per_block_and_one_per_stage(
    blocks: int, groups: int
) -> None:
    network = settle(resnet(blocks))
    x = torch.randn(1, 3, 32, 32)
    channels = find_channels(network, x)
    assert len(channels.groups) == groups
    stages = [group for group in channels.groups if len(group.makers) > 1]
    assert [group.width for group in stages] == [16, 32, 64]
    removed(network, channels, some_of(channels, 0), x)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.slow
def test_torchvisions_networks_masked_equal_removed(name: str) -> None:
    from proxyless_nas.torchvision_door import make_classifier

    network = settle(make_classifier(name, 10))
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    channels = find_channels(network, x)
    smaller = removed(network, channels, some_of(channels, 0), x)
    assert parameters_of(smaller) < 0.7 * parameters_of(network)
    answers = {"it is in the network's answer"}
    assert set(channels.kept.values()) == answers or name == "convnext_tiny"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["proxyless_cpu", "mobilenet_v2-w0.35"])
def test_networks_of_ours_masked_equal_removed(name: str) -> None:
    network = settle(load_spec(name).build(0))
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    channels = find_channels(network, x)
    removed(network, channels, some_of(channels, 0), x)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(some.data())
def test_random_networks_masked_equal_removed(data: some.DataObject) -> None:
    """Chains of convolutions, depthwise ones, norms, sums and concatenations of random width."""
    network, channels_now = nn.ModuleList(), [3]
    plan: list[tuple[str, int]] = []
    for _ in range(data.draw(some.integers(2, 7))):
        kind = data.draw(some.sampled_from(["conv", "depthwise", "norm", "sum", "cat"]))
        source = data.draw(some.integers(0, len(channels_now) - 1))
        width, last = channels_now[source], channels_now[-1]
        if kind == "conv":
            made = data.draw(some.integers(2, 6))
            layer: nn.Module = conv(last, made)
        elif kind == "depthwise":
            made = last * data.draw(some.integers(1, 2))
            layer = conv(last, made, groups=last)
        elif kind == "norm":
            layer, made = nn.BatchNorm2d(last), last
        elif kind == "sum":
            layer, made = conv(last, width), width
        else:
            layer, made = conv(last, 2), width + 2
        network.append(layer)
        channels_now.append(made)
        plan.append((kind, source))
    network.append(nn.Linear(channels_now[-1], 3))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = network

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen = [x]
            for part, (kind, source) in zip(self.parts, plan, strict=False):
                y = part(seen[-1])
                if kind == "sum":
                    y = torch.relu(y + seen[source])
                elif kind == "cat":
                    y = torch.cat([seen[source], y], 1)
                seen.append(y)
            return self.parts[-1](seen[-1].mean((2, 3)))

    net, x = settle(Net()), torch.randn(2, 3, 5, 5)
    channels = find_channels(net, x)
    try:
        removed(net, channels, some_of(channels, data.draw(some.integers(0, 99))), x)
    except ValueError as error:
        assume("would lose all its channels" not in str(error))
        raise


def test_a_layer_that_would_lose_all_its_channels_though_its_group_keeps_some_is_refused() -> None:
    class Beside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.both = conv(3, 2), conv(3, 4), conv(3, 6)
            self.head = nn.Linear(6, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = torch.cat([self.a(x), self.b(x)], 1) + self.both(x)
            return self.head(y.mean((2, 3)))

    network, x = settle(Beside()), torch.randn(1, 3, 4, 4)
    channels = find_channels(network, x)
    (group,) = channels.groups
    made = next(place for place in group.places if place.tensor == "a.weight")
    of_a = made.channel[made.channel >= 0].tolist()
    with pytest.raises(ValueError, match="a would lose all its channels"):
        removed(network, channels, {group.name: of_a}, x)
    removed(network, channels, {group.name: of_a[:1]}, x)


def test_a_group_that_would_lose_all_its_channels_is_refused() -> None:
    network, shape, _ = NETWORKS["plain"]
    x = torch.zeros(shape)
    channels = find_channels(network, x)
    with pytest.raises(ValueError, match="group 3 would lose all its 6 channels"):
        removed(network, channels, {"3": range(6)}, x)


def test_channels_that_are_not_there_are_refused_and_two_names_of_a_group_are_one() -> None:
    network = settle(resnet(1, base=4))
    x = torch.zeros(1, 3, 16, 16)  # only its shape counts
    channels = find_channels(network, x)
    with pytest.raises(ValueError, match="group 0 has channels 0 to 3, not 4"):
        removed(network, channels, {"0": [4]}, x)
    with pytest.raises(ValueError, match="group 0 would lose all its 4 channels"):
        removed(network, channels, {"0": [0, 1], "3.conv2": [2, 3]}, x)
    one = removed(network, channels, {"0": [1, 1], "3.conv2": [3]}, x)
    other = removed(network, channels, {"0": [1, 3]}, x)
    must_agree(one, other, x)


def test_inputs_that_do_not_fit_are_named() -> None:
    network, _, _ = NETWORKS["plain"]
    with pytest.raises(ValueError, match=r"does not run on inputs of shape \(1, 3, 5, 5\)"):
        find_channels(network, torch.zeros(1, 3, 5, 5))


def test_channels_that_were_removed_wrongly_do_not_pass() -> None:
    network, shape, _ = NETWORKS["plain"]
    settle(network)
    x = torch.zeros(shape)
    channels = find_channels(network, x)
    one, other = (masked(network, channels, {"0": [index]}) for index in (1, 2))
    with pytest.raises(ValueError, match="answers differently without its channels"):
        must_agree(one, other, x)
    assert must_agree(one, one, x) == 0


def test_a_network_that_decides_by_its_data_cannot_be_traced() -> None:
    class Deciding(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    module = Deciding().train()
    with pytest.raises(ValueError, match="Deciding cannot be traced"):
        find_channels(module, torch.zeros(1, 3))
    assert module.training


def test_a_number_that_is_none_is_a_difference() -> None:
    one, nan = torch.ones(3), torch.tensor([1.0, float("nan"), 1.0])
    for expected, answers in (([one, one], [one, nan]), ([one, one], [nan, one])):
        assert not apart(expected, answers) <= 1e9
    assert apart([one, 4 * one], [one, 5 * one]) == pytest.approx(0.25)
