"""The LASSO: the optimum is one, the path is that of a slower solver, and twins are not needed."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from compression.channels.cut import masked
from compression.channels.groups import find_channels
from compression.importance import L2, Lasso
from compression.importance.shrinking import betas, strengths
from compression.refit import repaired
from compression.widths import chosen_of, ranked
from tests.compression.channels.networks import NETWORKS, conv, settle


def problem(width: int = 10) -> Tensor:
    """Products of what correlated channels of different sizes give."""
    chance = torch.Generator().manual_seed(2)
    x = torch.randn(300, width, generator=chance, dtype=torch.float64).relu()
    x = (x + 0.3 * x[:, :1]) * torch.linspace(0.3, 2, width)
    return x.T @ x / x.sum(dim=1).square().sum()


def by_coordinates(gram: Tensor, answer: Tensor, penalty: float) -> Tensor:
    """Coordinate descent: slow, and without a step to choose."""
    beta = torch.zeros_like(answer)
    for _ in range(500):
        for one in range(len(gram)):
            left = answer[one] - gram[one] @ beta + gram[one, one] * beta[one]
            beta[one] = left.sign() * (left.abs() - penalty).clamp(min=0) / gram[one, one]
    return beta


def test_betas_are_those_of_coordinate_descent_and_meet_the_conditions_of_an_optimum() -> None:
    gram = problem()
    answer = gram.sum(dim=1)
    penalties = answer.max() * torch.tensor([0.9, 0.3, 0.03]).double()
    found = betas(gram, answer, penalties, steps=2000)
    for penalty, beta in zip(penalties.tolist(), found.T, strict=True):
        expected = by_coordinates(gram, answer, penalty)
        torch.testing.assert_close(beta, expected, rtol=1e-6, atol=1e-8)
        slope = answer - gram @ beta
        there = beta != 0
        torch.testing.assert_close(slope[there], penalty * beta[there].sign(), rtol=1e-5, atol=0)
        assert (slope[~there].abs() <= penalty * (1 + 1e-9)).all()


def test_channels_come_in_where_a_slower_solver_lets_them_in() -> None:
    gram = problem()
    found = strengths(gram)
    for share in (0.7, 0.4, 0.2, 0.1, 0.05, 0.02, 0.01):
        penalty = share * float(gram.sum(dim=1).max())
        there = by_coordinates(gram, gram.sum(dim=1), penalty) != 0
        clear = (found / penalty).log().abs() > 0.1  # the tried ones are a tenth apart
        assert (there == (found >= penalty))[clear].all()
    assert not strengths(torch.zeros(4, 4)).any()


def test_what_gives_nothing_or_what_another_gives_is_worth_the_least() -> None:
    """The 3rd is twice the 2nd, the 5th is silent."""
    first, takes = conv(3, 6), nn.Linear(6 * 64, 4)
    network = nn.Sequential(first, nn.ReLU(), nn.Flatten(), takes).eval()
    assert first.bias is not None
    with torch.no_grad():
        for tensor in (first.weight, first.bias):
            tensor[2] = 2 * tensor[1]
            tensor[4] = 0.0
        columns = takes.weight.view(4, 6, 64)
        columns[:, 2] = columns[:, 1]
    x = torch.randn(64, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    channels = find_channels(network, x)
    scores = Lasso(points=64).scores(network, channels, [(x, torch.zeros(64))])["0"]
    assert scores.argsort().tolist()[:2] == [4, 1] and scores[4] == 0
    assert scores[1] < 0.05 * scores[2]
    exact = gives(network, x)
    torch.testing.assert_close(scores.double(), strengths(exact), rtol=1e-3, atol=1e-6)


def gives(network: nn.Sequential, x: Tensor) -> Tensor:
    """Products of what each channel alone gives to the last layer."""
    with torch.no_grad():
        maps = network[1](network[0](x))
        weight = network.get_parameter("3.weight").view(4, 6, 64)
        each = torch.einsum("bcp,ocp->cbo", maps.flatten(2), weight).flatten(1).double()
    return each @ each.T / each.sum(dim=0).square().sum()


def test_all_takers_count_alike() -> None:
    """Answers of one taker a thousand times as large change nothing."""
    source, shape, _ = NETWORKS["squeeze and excitation"]
    network = settle(deepcopy(source))
    x = torch.randn(32, *shape[1:], generator=torch.Generator().manual_seed(0))
    channels = find_channels(network, x)
    batches = [(x, torch.zeros(len(x)))]
    scores = Lasso().scores(network, channels, batches)
    with torch.no_grad():
        network.get_parameter("head.weight").mul_(1000)
    for name, one in Lasso().scores(network, channels, batches).items():
        torch.testing.assert_close(one, scores[name], rtol=1e-3, atol=1e-6)
    with pytest.raises(ValueError, match="0 points"):
        Lasso(points=0)


def test_what_the_lasso_keeps_rebuilds_more_than_what_is_large() -> None:
    """Large channels that say the same, more or less loudly: sizes keep them, the LASSO one."""
    chance = torch.Generator().manual_seed(1)
    first, second = conv(3, 12), conv(12, 6)
    network = nn.Sequential(first, nn.ReLU(), second, nn.Flatten(), nn.Linear(6 * 64, 4)).eval()
    assert first.bias is not None
    with torch.no_grad():
        for tensor in (first.weight, first.bias):
            for one in range(4, -1, -1):
                tensor[one] = (3 - 0.3 * one) * tensor[0]
        second.weight[:, :5] = second.weight[:, :1]
    x = torch.randn(64, 3, 8, 8, generator=chance)
    channels = find_channels(network, x)
    batches = [(x, torch.zeros(len(x)))]
    lost = []
    for score in (Lasso(), L2()):
        ranking = ranked(score.scores(network, channels, batches))
        chosen = chosen_of({"0": 4}, ranking)
        now, _ = repaired(network, channels, chosen, x)
        with torch.no_grad():
            lost.append(float((now(x) - network(x)).square().mean()))
        assert not (masked(now, channels, chosen)(x) - now(x)).any()
    assert lost[0] < 0.1 * lost[1]
