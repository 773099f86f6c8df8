"""Laws of strategies that only judge: random networks and evolution, within a band of costs."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from proxyless_nas import named_space
from search.choices import Choices
from search.prepare import data_and_plan
from search.prices import Prices
from search.problems import Architecture
from search.strategies import Evolution, RandomChoices
from tests.search.helpers import make_prices, options_of, saying
from tests.search.running import tiny
from training.workers import Workers

WIDE = named_space("imagenet-mobile")


def band_at(prices: Prices, place: float, width: float = 0.02) -> tuple[float, float]:
    high = prices.least + place * (prices.most - prices.least)
    return high * (1 - width), high


def worth_of(prices: Prices) -> np.ndarray:
    return np.random.default_rng(3).uniform(size=prices.alive.shape)


def judged(asked: tuple[Choices, ...], worth: np.ndarray):
    return [
        saying(accuracy=float(np.mean([worth[k, o] for k, o in enumerate(one.options)])))
        for one in asked
    ]


@pytest.mark.parametrize("place", [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98])
def test_tilted_probabilities_have_the_mean_that_was_asked_for(place: float) -> None:
    for space in (WIDE, named_space("cifar-tree")):
        prices = make_prices(space)
        mean = prices.least + place * (prices.most - prices.least)
        (p,) = prices.tilted(mean).p
        assert prices.expected(p) == pytest.approx(mean, rel=1e-6)
        torch.testing.assert_close(p.sum(dim=1), torch.ones(len(p), dtype=p.dtype))


def test_untilted_probabilities_are_uniform() -> None:
    prices = make_prices(WIDE)
    ((fixed, rows),) = prices.tables()
    middle = fixed + sum(float(row.mean()) for row in rows)
    torch.testing.assert_close(
        prices.tilted(middle).p[0], RandomChoices(prices, None, 0).probabilities().double()
    )


@pytest.mark.parametrize("kind", [RandomChoices, Evolution])
@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_every_network_lies_in_the_band_and_none_comes_twice(kind, place: float) -> None:
    prices = make_prices(WIDE)
    strategy = kind(prices, band := band_at(prices, place), 0, 30)
    worth, seen = worth_of(prices), []
    for _ in range(4):
        asked = strategy.ask()
        strategy.tell(asked, judged(asked, worth))
        seen += options_of(asked)
    assert len(seen) == len(set(seen)) == 120
    assert all(band[0] <= prices.of(options) <= band[1] for options in seen)


def test_evolution_finds_better_networks_than_chance_with_as_many_judgements() -> None:
    prices = make_prices(WIDE)
    worth, best = worth_of(prices), {}
    for kind in (RandomChoices, Evolution):
        strategy = kind(prices, band_at(prices, 0.5), 1, 40)
        for _ in range(12):
            asked = strategy.ask()
            strategy.tell(asked, judged(asked, worth))
        best[kind] = strategy.told()["best_accuracy"]
    assert best[Evolution] > best[RandomChoices] + 0.05


def test_a_small_space_is_exhausted_without_repetition() -> None:
    prices = Prices(0.0, [np.array([1.0, 2.0]), np.array([1.0, 2.0])], "ms")
    for kind in (RandomChoices, Evolution):
        strategy, seen = kind(prices, None, 0, 10), []
        for _ in range(3):
            asked = strategy.ask()
            strategy.tell(asked, judged(asked, worth_of(prices)))
            seen += options_of(asked)
        assert len(seen) == len(set(seen)) == 4


def test_the_answer_is_the_most_accurate_and_before_any_judgement_it_meets_the_band() -> None:
    prices = make_prices(WIDE)
    strategy = RandomChoices(prices, band_at(prices, 0.3), 0, 3)
    before = strategy.best()
    strategy.sample()
    assert strategy.fits(before) and strategy.best() == before
    asked = strategy.ask()
    strategy.tell(asked, [saying(accuracy=value) for value in (0.5, 0.9, 0.2)])
    assert strategy.best() == asked[1]


def test_a_band_that_no_network_lies_in_is_an_error_that_names_it() -> None:
    prices = Prices(0.0, [np.array([1.0, 2.0]), np.array([1.0, 2.0])], "ms")
    with pytest.raises(LookupError, match=r"costs 2.4 to 2.6 ms.*--tolerance"):
        RandomChoices(prices, (2.4, 2.6), 0).ask()


@pytest.mark.parametrize("kind", [RandomChoices, Evolution])
def test_a_restored_strategy_continues_as_if_never_stopped(kind) -> None:
    prices = make_prices(WIDE)
    worth = worth_of(prices)
    first, second = (kind(prices, band_at(prices, 0.5), 4, 20) for _ in range(2))

    def advance(strategy, rounds: int) -> None:
        for _ in range(rounds):
            strategy.sample()
            asked = strategy.ask()
            strategy.tell(asked, judged(asked, worth))

    advance(first, 3)
    second.restore(first.state())
    advance(first, 2)
    advance(second, 2)
    assert first.ask() == second.ask() and first.best() == second.best()


def test_every_worker_judges_as_many_images_so_that_their_means_weigh_alike(
    tmp_path: Path,
) -> None:
    config = tiny("random", tmp_path)
    odd = replace(config, held_out=101, judged_on=101)
    problem, counts = Architecture(named_space("smoke")), []
    for rank in range(2):
        worker = cast(Workers, SimpleNamespace(rank=rank, size=2))
        data, _ = data_and_plan(problem, odd, torch.device("cpu"), worker)
        assert data.judged is not None
        counts.append(len(data.judged[1]))
    assert counts == [50, 50]
