"""What the loop asks of a strategy holds for every one of them."""

import io
from collections.abc import Callable, Sequence
from typing import get_args

import pytest
import torch

from search.choices import Choices, Evidence
from search.ddpg import BitLayer, Settings
from search.prices import Prices
from search.strategies import (
    DDPG,
    AllPaths,
    AnyStrategy,
    Evolution,
    Knapsack,
    RandomChoices,
    Reinforce,
    TwoPaths,
)
from tests.search.helpers import make_objective, make_prices, saying

PRICES = make_prices()
BUDGET = PRICES.least + 0.5 * (PRICES.most - PRICES.least)
BAND = (0.8 * BUDGET, BUDGET)


def agent(prices: Prices) -> DDPG:
    """Its layers have as many widths as the knobs have options."""
    layers = [
        BitLayer(8 * place, 8, 3, 1, 64, 99, False, tuple((2 + w, 8) for w in range(count)))
        for place, count in enumerate(prices.counts)
    ]
    return DDPG(layers, prices, BUDGET, 3, settings=Settings(hidden=(8, 8), warmup=1))


MAKERS: dict[type, Callable[[Prices], AnyStrategy]] = {
    TwoPaths: lambda prices: TwoPaths(prices, make_objective(BUDGET), 0.05, 3),
    AllPaths: lambda prices: AllPaths(prices, make_objective(BUDGET), 0.05, 3),
    Reinforce: lambda prices: Reinforce(prices, make_objective(BUDGET), 0.05, 3, batch=4),
    Evolution: lambda prices: Evolution(prices, BAND, 3, 4),
    RandomChoices: lambda prices: RandomChoices(prices, BAND, 3, 4),
    Knapsack: lambda prices: Knapsack(prices, BUDGET, tries=3, batch=4),
    DDPG: agent,
}
every = pytest.mark.parametrize("kind", get_args(AnyStrategy))


def judged(asked: Sequence[Choices]) -> list[Evidence]:
    """Later options are better, later knobs more so."""
    told: list[Evidence] = []
    for choices in asked:
        worth = sum((1 + knob) * option for knob, option in enumerate(choices.options)) / 500
        slopes = None
        if choices.closed is not None:
            most = 1 + max(len(closed) for closed in choices.closed)
            slopes = torch.linspace(-1, 1, len(choices.options) * most).view(-1, most)
        told.append(saying(1.0 - worth, worth, slopes))
    return told


def advance(strategy: AnyStrategy, rounds: int) -> list[Sequence[Choices]]:
    """Some steps of the loop; what was sampled and asked."""
    said: list[Sequence[Choices]] = []
    for _ in range(rounds):
        said.append((strategy.sample(),))
        asked = strategy.ask()
        strategy.tell(asked, judged(asked))  # pyright: ignore[reportArgumentType]
        said.append(asked)
    return [*said, (strategy.best(),)]


def allowed(choices: Choices) -> bool:
    pairs = zip(choices.options, PRICES.counts, strict=True)
    return all(0 <= option < count for option, count in pairs)


def test_every_strategy_is_looked_at() -> None:
    assert set(MAKERS) == set(get_args(AnyStrategy))


@every
def test_all_it_says_is_one_option_per_knob_and_its_answer_meets_the_budget(kind) -> None:
    strategy = MAKERS[kind](PRICES)
    assert strategy.prices is PRICES
    for _ in range(8):
        for asked in advance(strategy, 1):
            assert all(allowed(choices) for choices in asked)
        assert PRICES.of(strategy.best().options) <= BUDGET
        p = strategy.probabilities()
        assert p.shape == PRICES.alive.shape and not p[~PRICES.alive].any()
        torch.testing.assert_close(p.sum(dim=1).double(), torch.ones(len(p)).double())
        assert all(isinstance(value, float) for value in strategy.told().values())


@every
def test_it_says_the_same_in_every_worker(kind) -> None:
    first, second = MAKERS[kind](PRICES), MAKERS[kind](PRICES)
    torch.manual_seed(0)
    said = advance(first, 6)
    torch.manual_seed(1)
    assert advance(second, 6) == said


@every
def test_from_its_state_on_disk_it_continues_as_if_never_stopped(kind) -> None:
    first, second = MAKERS[kind](PRICES), MAKERS[kind](PRICES)
    advance(first, 4)
    file = io.BytesIO()
    torch.save(first.state(), file)
    said = advance(first, 5)
    file.seek(0)
    second.restore(torch.load(file, weights_only=True))
    assert advance(second, 5) == said
    assert second.told() == first.told()
