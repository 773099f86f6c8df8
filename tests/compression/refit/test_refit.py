"""Refit: nothing is changed for nothing, no layer gets farther off, what others can say is kept."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compression.channels.cut import masked, must_agree, removed
from compression.channels.groups import find_channels
from compression.refit import repaired
from compression.refit.least_squares import Sums
from proxyless_nas.counting import in_eval_mode
from tests.compression.channels.networks import NETWORKS, Forward, conv, settle


def images(shape: tuple[int, ...], count: int = 48) -> Tensor:
    return torch.randn(count, *shape[1:], generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_gone_changes_nothing_and_masked_still_equals_removed(name: str) -> None:
    source, shape, expected = NETWORKS[name]
    network = settle(deepcopy(source))
    channels, x = find_channels(network, torch.randn(shape)), images(shape)
    same, found = repaired(network, channels, {}, x)
    assert not found
    for key, tensor in network.state_dict().items():
        assert (same.state_dict()[key] == tensor).all()
    chosen = {group: [0, width - 2] if width > 2 else [0] for group, width in expected.items()}
    now, found = repaired(network, channels, chosen, x)
    assert all(one.after <= one.before for one in found)
    smaller = removed(now, channels, chosen, torch.randn(shape))
    must_agree(now, smaller, torch.randn(shape))
    zeroed = masked(now, channels, chosen).state_dict()
    assert all((zeroed[key] == tensor).all() for key, tensor in now.state_dict().items())


def error(network: nn.Module, whole: nn.Module, x: Tensor) -> float:
    with in_eval_mode(network), in_eval_mode(whole), torch.no_grad():
        return float((network(x) - whole(x)).square().sum() / whole(x).square().sum())


@pytest.mark.parametrize("groups", [1, 2])
def test_a_channel_that_others_can_say_loses_nothing(groups: int) -> None:
    first, second = conv(3, 8), nn.Conv2d(8, 6, 3, groups=groups)
    network = nn.Sequential(first, second, nn.Flatten(), nn.Linear(6 * 36, 4)).eval()
    assert first.bias is not None
    with torch.no_grad():  # the 1st is a combination of two others of its half, and a constant
        for tensor in (first.weight, first.bias):
            tensor[0] = 2 * tensor[1] - 0.5 * tensor[2]
            tensor[4] = tensor[5] + tensor[6]
        first.bias[0] += 1.0
    channels, x = find_channels(network, torch.randn(2, 3, 8, 8)), images((2, 3, 8, 8))
    chosen = {"0": [0, 4] if groups == 1 else [0]}  # in two groups the 1st and the 5th leave as one
    assert channels["0"].width == 8 // groups
    lost = error(masked(network, channels, chosen), network, x)
    now, _ = repaired(network, channels, chosen, x)
    unseen = torch.randn(16, 3, 8, 8)
    assert lost > 0.01 and max(error(now, network, x), error(now, network, unseen)) < 1e-8
    smaller = removed(now, channels, chosen, x)
    assert error(smaller, network, x) < 1e-8  # of squares: 1e-4 of the numbers


def test_the_fit_is_that_of_ordinary_least_squares() -> None:
    """One layer behind what is gone: its weights are what torch's own solver finds."""
    network = nn.Sequential(conv(3, 6), nn.ReLU(), nn.Conv2d(6, 5, 2, 2)).eval()
    whole = nn.Sequential(*network, nn.Flatten(), nn.Linear(5 * 16, 3)).eval()
    channels, x = find_channels(whole, torch.randn(2, 3, 8, 8)), images((2, 3, 8, 8), 200)
    now, (found,) = repaired(whole, channels, {"0": [1, 4]}, x)
    with torch.no_grad():
        wanted = network(x)
        given = network[:2](x)[:, [0, 2, 3, 5]]
    rows = F.unfold(given, 2, stride=2).movedim(1, 2).flatten(0, 1).double()
    rows = torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)
    answers = wanted.flatten(2).movedim(1, 2).flatten(0, 1).double()
    solved = torch.linalg.lstsq(rows, answers).solution.T
    torch.testing.assert_close(
        now.get_parameter("2.weight")[:, [0, 2, 3, 5]].flatten(1).double(), solved[:, :-1],
        rtol=1e-4, atol=1e-5,
    )  # fmt: skip
    torch.testing.assert_close(
        now.get_parameter("2.bias").double(), solved[:, -1], rtol=1e-4, atol=1e-5
    )
    left = (answers - rows @ solved.T).square().sum() / answers.square().sum()
    assert found.layer == "2" and found.after == pytest.approx(float(left), rel=1e-4)


def stream(absorbs: bool) -> Forward:
    """Two branches on one stream; without `absorbs` the sum is made by what is not a sum to see."""

    def forward(s, x: Tensor) -> Tensor:
        x = s.stem(x)
        for branch in (s.one, s.two):
            y = branch(x)
            x = x + y if absorbs else x - (-y)
        return s.head(x.mean((2, 3)))

    def branch() -> nn.Module:
        return nn.Sequential(conv(6, 12), nn.ReLU(), conv(12, 6), nn.BatchNorm2d(6))

    torch.manual_seed(0)
    return Forward(forward, stem=conv(3, 6), one=branch(), two=branch(), head=nn.Linear(6, 4))


def test_a_branch_takes_over_what_the_stream_has_lost() -> None:
    errors = []
    for absorbs in (True, False):
        network = settle(stream(absorbs))
        x = images((2, 3, 8, 8), 100)
        channels = find_channels(network, x[:2])
        chosen = {"one.0": list(range(9)), "two.0": [0, 1]}
        now, found = repaired(network, channels, chosen, x)
        assert [one.layer for one in found] == ["one.2", "two.2"]
        errors.append(error(now, network, x))
    assert errors[0] < 0.9 * errors[1]


def test_what_may_not_be_fitted_keeps_its_weights() -> None:
    source, shape, _ = NETWORKS["reused layer"]
    for network, chosen, kept in (
        (settle(deepcopy(source)), {"a": [0]}, ["b"]),
        (settle(stream(True)), {"one.0": [0], "two.0": [1]}, ["one.2"]),
    ):
        channels, x = find_channels(network, torch.randn(shape)), images(shape)
        now, found = repaired(network, channels, chosen, x, but=["one.2"])
        fitted = {one.layer for one in found}
        assert fitted and not fitted & set(kept)
        plain = masked(network, channels, chosen).state_dict()
        for key, tensor in now.state_dict().items():
            assert (plain[key] == tensor).all() == (key.rpartition(".")[0] not in fitted)


def test_sums_of_pieces_are_those_of_the_whole_and_a_ridge_keeps_twins_apart() -> None:
    chance = torch.Generator().manual_seed(0)
    x, r = (torch.randn(2, rows, 40, generator=chance) for rows in (5, 3))
    x[:, 4] = x[:, 3]
    pieces = list(zip(x.split(7, dim=2), r.split(7, dim=2), strict=True))
    some, all_ = Sums.of(pieces, 1.0), Sums.of([(x, r)], 1.0)
    torch.testing.assert_close(some.gram, all_.gram)
    moved, after = some.best(torch.tensor([True, False, True, True, True]))
    assert moved.isfinite().all() and not moved[..., 1].any()
    torch.testing.assert_close(moved[..., 3], moved[..., 4])
    left = r - moved.float() @ x
    assert after == pytest.approx(float(left.square().sum()), rel=1e-5) and after < some.rest
