"""Discriminant channels: slopes as autograd and the closed form give them; what tells classes."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compression.channels.cut import removed
from compression.channels.groups import find_channels
from compression.importance import Discriminant
from compression.importance.middle import fitted_head, in_order
from compression.widths import chosen_of, ranked
from proxyless_nas.counting import in_eval_mode
from tests.compression.channels.networks import conv


def batches(count: int = 96) -> list[tuple[Tensor, Tensor]]:
    """Two classes that differ in the sign of the first of three planes; the others are noise."""
    chance = torch.Generator().manual_seed(0)
    y = torch.randint(2, (count,), generator=chance)
    x = torch.randn(count, 3, 6, 6, generator=chance)
    x[:, 0] = x[:, 0].abs() * (2 * y - 1)[:, None, None]
    return list(zip(x.split(32), y.split(32), strict=True))


def network() -> nn.Sequential:
    """Channels 0 and 3 see the plane that counts, the others noise."""
    first, second = nn.Conv2d(3, 6, 1), conv(6, 8)
    torch.manual_seed(1)
    assert first.bias is not None
    with torch.no_grad():
        first.weight.zero_()
        first.bias.zero_()
        for channel in range(6):
            first.weight[channel, channel % 3] = 1.0 if channel < 3 else -1.0
    last = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), *last).eval()


def learned(steps: int = 150) -> nn.Sequential:
    """The same, when all behind the first layer has learned the classes."""
    one = network()
    optimizer = torch.optim.Adam([*one[2].parameters(), *one[6].parameters()], lr=0.01)
    for step in range(steps):
        x, y = batches()[step % 3]
        optimizer.zero_grad()
        F.cross_entropy(one(x), y).backward()
        optimizer.step()
    return one


def test_a_head_learns_what_there_is_to_learn() -> None:
    one: Any = learned()
    with in_eval_mode(one):
        assert in_order(one, ["6", "2"], batches()[0][0]) == ["2", "6"]
        head = fitted_head(one, "2", batches(), steps=200)
        x, y = batches()[0]
        with torch.no_grad():
            right = (head(one[2](one[1](one[0](x)))).argmax(dim=1) == y).float().mean()
    assert right > 0.95


def test_what_tells_classes_apart_is_worth_more_than_noise() -> None:
    one = learned()
    channels = find_channels(one, batches()[0][0])
    scores = Discriminant(stages=0).scores(one, channels, batches())["0"]
    assert set(scores.argsort()[-2:].tolist()) == {0, 3}
    chosen = chosen_of({"0": 4}, ranked({"0": scores}))
    left = removed(one, channels, chosen, batches()[0][0])
    x, y = batches()[1]
    with torch.no_grad():
        assert (left(x).argmax(dim=1) == y).float().mean() > 0.9


@pytest.mark.parametrize("stages", [0, 2])
def test_slopes_are_those_of_both_losses_where_nothing_is_used(stages: int) -> None:
    """By hand: the second layer with weights of 0, the first channel's share of its slope."""
    one: Any = learned(5)
    channels = find_channels(one, batches()[0][0])
    found = Discriminant(stages=stages).scores(one, channels, batches())["0"]
    layer = one[2]
    weight = layer.weight.detach().clone()
    heads = [None] if not stages else [fitted_head(one, "2", batches(), 200)]
    totals = [torch.zeros_like(weight), torch.zeros_like(weight)]
    for x, y in batches():
        given = one[1](one[0](x)).detach()
        wanted = layer(given).detach()
        with torch.no_grad():
            layer.weight.zero_()
        answers = layer(given)
        left = (answers - wanted).square().mean()
        logits = one[3:](answers) if heads[0] is None else heads[0](answers)
        for total, loss in zip(totals, (left, F.cross_entropy(logits, y)), strict=True):
            total += torch.autograd.grad(loss, layer.weight, retain_graph=True)[0]
        with torch.no_grad():
            layer.weight.copy_(weight)
    expected = (totals[0] / totals[0].norm() + totals[1] / totals[1].norm()).square()
    expected = expected.sum(dim=(0, 2, 3))
    torch.testing.assert_close(found, expected / expected.mean(), rtol=1e-3, atol=1e-5)


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(ValueError, match="`steps` 1 or more"):
        Discriminant(steps=0)
