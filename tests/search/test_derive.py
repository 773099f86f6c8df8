"""The derived network is the most probable one of all that meet the budget."""

import itertools

import numpy as np
import pytest

from search.derive import most_likely


def enumerate_best(scores, prices, low: float, high: float) -> float:
    every = [
        (
            sum(s[i] for s, i in zip(scores, o, strict=True)),
            sum(p[i] for p, i in zip(prices, o, strict=True)),
        )
        for o in itertools.product(*[range(len(p)) for p in prices])
    ]
    inside = [score for score, price in every if low <= price <= high]
    return max(inside or [score for score, price in every if price <= high])


@pytest.mark.parametrize("seed", range(60))
def test_it_equals_the_best_of_all_combinations(seed: int) -> None:
    generator = np.random.default_rng(seed)
    knobs = int(generator.integers(2, 6))
    prices = [generator.random(generator.integers(2, 5)) for _ in range(knobs)]
    scores = [np.log(generator.dirichlet(np.ones(len(p)))) for p in prices]
    high = 1.02 * sum(p.min() for p in prices) + generator.random()
    options = most_likely(scores, prices, 0.9 * high, high)
    assert sum(p[i] for p, i in zip(prices, options, strict=True)) <= high + 1e-9
    found = sum(s[i] for s, i in zip(scores, options, strict=True))
    assert found == pytest.approx(enumerate_best(scores, prices, 0.9 * high, high))


def test_a_budget_below_the_cheapest_is_refused() -> None:
    prices = [np.array([1.0, 2.0])] * 3
    with pytest.raises(ValueError, match=r"no choice costs 2\.9"):
        most_likely([np.zeros(2)] * 3, prices, 0.0, 2.9)
    assert most_likely([np.array([0.0, 9.0])] * 3, prices, 0.0, 3.0) == (0, 0, 0)


def test_without_a_limit_it_is_the_argmax() -> None:
    scores = [np.log([0.2, 0.5, 0.3]), np.log([0.9, 0.1])]
    prices = [np.array([1.0, 5.0, 2.0]), np.array([3.0, 1.0])]
    assert most_likely(scores, prices, 0.0, 100.0) == (1, 0)
