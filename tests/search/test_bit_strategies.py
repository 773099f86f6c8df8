"""Where strategies for bits begin: near the best for the budget; the best uniform pairs."""

import numpy as np
import pytest
import torch

from proxyless_nas.bits import Bits
from proxyless_nas.counting import layers_of
from search.knapsack import solve
from search.precision.strategies import near_optimal, places, probes, uniform_within
from search.prices import Prices
from search.problems.precision import Precision
from search.sensitivities import all_losses
from tests.search.test_precision import SHAPE, network, operations


def problem() -> Precision:
    return Precision("small", layers_of(network(), SHAPE), (8, 6, 4, 3, 2), (8, 6, 4, 2))


def given(seed: int) -> tuple[Precision, list[np.ndarray], Prices]:
    """Losses that follow the law of rounding, and bit operations."""
    one, chance = problem(), np.random.default_rng(seed)
    at = places(one)
    losses = [(np.exp(chance.normal(0, 1.5, 2)) * 4.0**-at).sum(axis=1) for _ in one.searched]
    return one, losses, one.prices(operations, "bit operations", count_ends=False)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_gates_begin_at_the_budget_and_near_the_best(share: float) -> None:
    for seed in range(3):
        _, losses, prices = given(seed)
        budget = share * prices.most
        logits, multiplier = near_optimal(losses, prices, budget)
        p = torch.softmax(logits, dim=1)
        assert prices.expected(p) == pytest.approx(budget, rel=1e-6) and multiplier > 0
        ((fixed, rows),) = prices.tables()
        best = solve(losses, rows, budget - fixed).loss
        worst = sum(float(row.max()) for row in losses)
        expected = sum(float((p[k].numpy() * row).sum()) for k, row in enumerate(losses))
        assert expected < best + 0.2 * (worst - best)


def test_uniform_pairs_fit_and_none_could_have_more_bits() -> None:
    one, _, prices = given(0)
    for budget in np.linspace(prices.least, prices.most, 7):
        pairs = [one.options[options[0]] for options in uniform_within(one, prices, budget)]
        fitting = [pair for pair in one.options if prices.of(one.uniform(pair)) <= budget]
        assert pairs and set(pairs) <= set(fitting)
        for pair in fitting:
            assert any(
                other.weights >= pair.weights and other.activations >= pair.activations
                for other in pairs
            )
        for pair in pairs:
            others = [other for other in fitting if other != pair]
            assert not any(
                other.weights >= pair.weights and other.activations >= pair.activations
                for other in others
            )
    with pytest.raises(ValueError, match="no uniform bits cost"):
        uniform_within(one, prices, prices.least / 2)


def test_few_probes_tell_every_option_where_rounding_has_its_law() -> None:
    one, losses, _ = given(1)
    tried = probes(one)
    assert [str(one.options[o]) for o in tried] == ["w8a4", "w8a2", "w4a8", "w2a8"]
    for row in losses:
        known = {option: float(row[option] - row[0]) for option in tried}
        np.testing.assert_allclose(all_losses(known, places(one), 0), row - row[0], atol=1e-12)
    assert one.options[0] == Bits(8, 8)
