"""A knapsack of probed losses: the optimum where they add up, few judgements, never too dear."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from search.choices import Choices
from search.knapsack.exact import solve_exactly
from search.prices import Prices
from search.sensitivities import all_losses, along
from search.strategies import Knapsack
from tests.search.helpers import make_prices, saying

LAYERS, BITS = 12, np.arange(2, 9)
W, A = (axis.ravel() for axis in np.meshgrid(BITS, BITS, indexing="ij"))
PAIRS = np.stack([W, A], axis=1).astype(float)
START = (len(PAIRS) - 1,) * LAYERS
Options = tuple[int, ...]


def layers(seed: int) -> tuple[list[np.ndarray], Prices]:
    """What each pair of bits loses and costs in layers of unlike size and sensitivity."""
    chance = np.random.default_rng(seed)
    size, s = np.exp(chance.normal(0, 1, LAYERS)), np.exp(chance.normal(0, 1.5, (LAYERS, 2)))
    losses = [one[0] * 4.0**-W + one[1] * 4.0**-A for one in s]
    return losses, Prices(0.7, [one * W * A for one in size], "ms")


def budget_at(prices: Prices, share: float) -> float:
    return prices.least + share * (prices.most - prices.least)


def run(strategy: Knapsack, loss: Callable[[Options], float]) -> list[Options]:
    """Until nothing is asked any more; what was judged."""
    judged: list[Options] = []
    while asked := strategy.ask():
        assert len(asked) <= strategy.batch
        strategy.tell(asked, [exactly(loss(one.options)) for one in asked])
        judged += [one.options for one in asked]
    assert len(judged) == len(set(judged))
    return judged


def exactly(loss: float):
    evidence = saying()
    return type(evidence)(torch.tensor(loss, dtype=torch.float64), evidence.accuracy)


def summed(losses: Sequence[np.ndarray]) -> Callable[[Options], float]:
    return lambda options: 1.0 + sum(float(losses[k][o]) for k, o in enumerate(options))


def ends() -> list[list[int]]:
    """Per layer one lower weight width, and one lower activation width."""
    lowest = (
        int(np.flatnonzero((W == 2) & (A == 8))[0]),
        int(np.flatnonzero((W == 8) & (A == 2))[0]),
    )
    return [list(lowest)] * LAYERS  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_where_losses_add_up_two_probes_a_layer_find_the_optimum(seed: int, share: float) -> None:
    losses, prices = layers(seed)
    budget = budget_at(prices, share)
    strategy = Knapsack(prices, budget, START, ends(), [PAIRS] * LAYERS)
    judged = run(strategy, summed(losses))
    assert len(judged) == 1 + 2 * LAYERS
    ((fixed, rows),) = prices.tables()
    truth = solve_exactly(losses, rows, budget - fixed)
    best = strategy.best().options
    assert prices.of(best) <= budget
    assert summed(losses)(best) - 1 == pytest.approx(truth.loss, rel=1e-3)
    assert strategy.told() == {
        "judged": len(judged), "predicted_loss": pytest.approx(summed(losses)(best))
    }  # fmt: skip


def test_by_default_every_option_is_probed_from_the_dearest_network() -> None:
    prices = make_prices()
    chance = np.random.default_rng(0)
    losses = [chance.normal(size=count) for count in prices.counts]
    budget = budget_at(prices, 0.4)
    strategy = Knapsack(prices, budget)
    judged = run(strategy, summed(losses))
    assert len(judged) == 1 + sum(count - 1 for count in prices.counts)
    assert prices.of(judged[0]) == pytest.approx(prices.most)
    ((fixed, rows),) = prices.tables()
    truth = solve_exactly(losses, rows, budget - fixed)
    assert summed(losses)(strategy.best().options) - 1 == pytest.approx(truth.loss)


def entangled(losses: Sequence[np.ndarray], seed: int) -> Callable[[Options], float]:
    """Neighbouring layers that are both rounded lose more than their sum, or less."""
    bonds = np.random.default_rng(seed).normal(0, 0.8, LAYERS)

    def loss(options: Options) -> float:
        lost = np.array([losses[k][o] for k, o in enumerate(options)])
        return float(lost.sum() + (bonds[1:] * np.sqrt(lost[1:] * lost[:-1])).sum())

    return loss


def test_tries_find_something_better_where_losses_do_not_add_up() -> None:
    left: list[float] = []
    for seed in (0, 1, 3, 4):
        losses, prices = layers(seed)
        budget, truth = budget_at(prices, 0.2), entangled(losses, seed)
        plain, tried = (
            Knapsack(prices, budget, START, ends(), [PAIRS] * LAYERS, tries=n) for n in (0, 20)
        )
        probes, judged = run(plain, truth), run(tried, truth)
        assert judged[: len(probes)] == probes and len(judged) == len(probes) + 20
        assert judged[len(probes)] == plain.best().options
        assert all(prices.of(options) <= budget for options in judged[len(probes) :])
        best = truth(tried.best().options)
        assert best == min(truth(one) for one in judged if prices.of(one) <= budget)
        left.append(best / truth(plain.best().options))
    assert max(left) <= 1 and np.mean(left) < 0.99


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_it_may_be_told_in_pieces_and_continues_as_if_never_stopped(chunk: int) -> None:
    losses, prices = layers(0)
    truth, budget = entangled(losses, 0), budget_at(prices, 0.3)

    def make() -> Knapsack:
        return Knapsack(prices, budget, START, ends(), [PAIRS] * LAYERS, tries=9, batch=chunk)

    whole, broken = make(), make()
    order = run(whole, truth)
    again: list[Options] = []
    while asked := broken.ask()[: max(1, chunk // 2)]:
        broken.tell(asked, [exactly(truth(one.options)) for one in asked])
        again += [one.options for one in asked]
        state, broken = broken.state(), make()
        broken.restore(state)
    assert set(order[: 2 * LAYERS + 1]) == set(again[: 2 * LAYERS + 1])
    assert len(again) == len(order)
    if chunk == 1:
        assert again == order and broken.best() == whole.best()


def test_the_answer_meets_the_budget_at_any_time() -> None:
    losses, prices = layers(1)
    for budget in (
        prices.least,
        prices.least * (1 + 1e-15),
        budget_at(prices, 0.7),
        2 * prices.most,
    ):
        strategy = Knapsack(prices, budget, START, ends(), [PAIRS] * LAYERS, tries=5)
        while asked := strategy.ask():
            assert strategy.fits(strategy.best().options)
            strategy.tell(asked, [exactly(summed(losses)(one.options)) for one in asked])
        assert strategy.fits(strategy.best().options)
        assert strategy.best() == strategy.sample()
        assert strategy.probabilities().argmax(dim=1).tolist() == list(strategy.best().options)
    assert strategy.best() == Choices(START)
    with pytest.raises(ValueError, match="cannot be met: the cheapest choice costs"):
        Knapsack(prices, 0.99 * prices.least)


def test_what_was_not_tried_follows_the_law_of_rounding() -> None:
    def law(w: np.ndarray, a: np.ndarray) -> np.ndarray:
        return 3 * (4.0**-w - 4.0**-8) + 5 * (4.0**-a - 4.0**-8)

    whole = law(PAIRS[:, 0], PAIRS[:, 1])
    for tried_bits in ((2,), (4,), (7, 3), (2, 3, 5)):
        tried = [
            option
            for axis in (0, 1)
            for option in along(PAIRS, START[0], axis)
            if PAIRS[option, axis] in tried_bits
        ]
        found = all_losses({o: float(whole[o]) for o in tried}, PAIRS, START[0])
        np.testing.assert_allclose(found, whole, atol=1e-12)


def test_what_was_tried_is_believed_and_an_axis_without_a_trial_is_an_error() -> None:
    tried = {0: 9.0, 6: 0.25}
    found = all_losses(tried, np.arange(2.0, 9.0)[:, None], 4)
    assert found[0] == 9.0 and found[6] == 0.25 and found[4] == 0.0
    assert (np.diff(found[:5]) < 0).all()
    with pytest.raises(LookupError, match="axis 1 was tried"):
        all_losses({0: 1.0, 6: 1.0}, PAIRS, START[0])
    with pytest.raises(LookupError, match="axis 0 was tried"):
        Knapsack(make_prices(), 1e9, probed=[()] * len(make_prices().counts))
