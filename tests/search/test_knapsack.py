"""The knapsack: what all combinations say, never above the budget, near HiGHS, and its front."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from search.knapsack import Assignment, Rows, front, solve
from search.knapsack.exact import solve_exactly

BITS = np.arange(2, 9)
SOLVERS = (solve, solve_exactly)


def taken(rows: Rows, options: Sequence[int]) -> float:
    return math.fsum(float(row[option]) for row, option in zip(rows, options, strict=True))


def everything(losses: Rows, prices: Rows) -> list[tuple[float, float]]:
    """(price, loss) of every assignment."""
    combinations = itertools.product(*[range(len(row)) for row in prices])
    return [(taken(prices, one), taken(losses, one)) for one in combinations]


def least_within(losses: Rows, prices: Rows, budget: float) -> float:
    return min(loss for price, loss in everything(losses, prices) if price <= budget)


def honest(found: Assignment, losses: Rows, prices: Rows) -> None:
    """What it says of itself is so."""
    assert found.loss == taken(losses, found.options)
    assert found.price == taken(prices, found.options)


def bits_of_layers(seed: int, pairs: bool, layers: int = 54) -> tuple[Rows, Rows]:
    """Layers of very unlike size and sensitivity: s 4^-bits lost, bits (or bit products) paid."""
    chance = np.random.default_rng(seed)
    sizes, s = np.exp(chance.normal(0, 1.2, layers)), np.exp(chance.normal(0, 1.5, (layers, 2)))
    if not pairs:
        return list(s[:, :1] * 4.0**-BITS), list(1e6 * sizes[:, None] * BITS)
    w, a = (axis.ravel() for axis in np.meshgrid(BITS, BITS))
    return list(s[:, :1] * 4.0**-w + s[:, 1:] * 4.0**-a), list(sizes[:, None] * w * a)


def noisy(seed: int) -> tuple[Rows, Rows]:
    """Rows of any length that neither fall nor rise, and prices in whole numbers."""
    chance = np.random.default_rng(seed)
    counts = chance.integers(1, 12, size=54)
    losses = [np.exp(chance.normal(size=n)) for n in counts]
    return losses, [np.floor(1000 * chance.random(n)) for n in counts]


def place(prices: Rows, share: float) -> float:
    least = math.fsum(float(row.min()) for row in prices)
    return least + share * (math.fsum(float(row.max()) for row in prices) - least)


numbers = st.integers(-3, 12).map(float) | st.floats(-2, 8).map(lambda x: round(x, 3))
options = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4)
knobs = st.lists(options, min_size=1, max_size=6)


@pytest.mark.parametrize("solver", SOLVERS)
@settings(max_examples=60, deadline=None)
@given(rows=knobs, share=st.floats(0, 1))
@example(rows=[[(0.0, 0.0), (0.0, 1.0)]], share=2.2e-309)
def test_it_equals_the_best_of_all_combinations(solver, rows, share: float) -> None:
    losses, prices = ([np.array([one[i] for one in row]) for row in rows] for i in (0, 1))
    budget = place(prices, share)
    found = solver(losses, prices, budget)
    honest(found, losses, prices)
    assert found.price <= budget
    assert found.loss == pytest.approx(least_within(losses, prices, budget), abs=1e-6)


@pytest.mark.parametrize(("seed", "share"), [(0, 0.1), (1, 0.3), (2, 0.5), (3, 0.8)])
def test_whole_networks_are_assigned_as_by_highs(seed: int, share: float) -> None:
    for losses, prices in (bits_of_layers(seed, False), noisy(seed)):
        budget = place(prices, share)
        found, truth = solve(losses, prices, budget), solve_exactly(losses, prices, budget)
        assert found.price <= budget and truth.price <= budget
        assert truth.loss * (1 - 1e-9) <= found.loss <= 1.005 * truth.loss


def test_pairs_of_bits_are_assigned_as_by_highs() -> None:
    losses, prices = bits_of_layers(1, pairs=True)
    budget = place(prices, 0.3)
    found, truth = solve(losses, prices, budget), solve_exactly(losses, prices, budget)
    assert found.price <= budget
    assert truth.loss * (1 - 1e-9) <= found.loss <= 1.005 * truth.loss


def test_a_budget_that_is_just_reached_is_used_and_one_just_below_is_not_exceeded() -> None:
    chance = np.random.default_rng(0)
    for _ in range(50):
        prices = [np.sort(chance.random(4)) for _ in range(4)]
        losses = [-row for row in prices]
        cost = taken(prices, chance.integers(4, size=4).tolist())
        below = float(np.nextafter(cost, 0))
        assert solve(losses, prices, cost).loss == pytest.approx(-cost, abs=1e-12)
        assert solve(losses, prices, below).price <= below


def test_nothing_within_the_budget_is_an_error_that_names_the_least_cost() -> None:
    rows = [np.array([1.0, 2.0])] * 3
    for solver in SOLVERS:
        with pytest.raises(ValueError, match=r"costs 2\.9 or less: the cheapest costs 3"):
            solver(rows, rows, 2.9)
        assert solver(rows, rows, 3.0).options == (0, 0, 0)


def test_rows_that_do_not_fit_together_or_are_no_numbers_are_refused() -> None:
    good = [np.array([1.0, 2.0])] * 2
    with pytest.raises(ValueError, match="knob 1 has 1 losses and 2 prices"):
        solve([good[0], np.array([1.0])], good, 9.0)
    with pytest.raises(ValueError, match="knob 1 is not finite"):
        solve([good[0], np.array([np.nan, 1.0])], good, 9.0)


@pytest.mark.parametrize("seed", range(20))
def test_the_front_is_the_convex_hull_of_all_assignments(seed: int) -> None:
    chance = np.random.default_rng(seed)
    counts = chance.integers(1, 5, size=5)
    losses, prices = ([chance.random(n) for n in counts] for _ in range(2))
    corners = front(losses, prices)
    for one in corners:
        honest(one, losses, prices)
    price, loss = (np.array([getattr(one, name) for one in corners]) for name in ("price", "loss"))
    assert (np.diff(price) > 0).all() and (np.diff(loss) < 0).all()
    assert price[0] == pytest.approx(place(prices, 0.0))
    assert loss[-1] == pytest.approx(math.fsum(float(row.min()) for row in losses))
    slopes = np.diff(loss) / np.diff(price)
    assert (np.diff(slopes) > 0).all()
    for other_price, other_loss in everything(losses, prices):
        bound = np.interp(other_price, price, loss)
        assert other_loss >= bound - 1e-9
    for one in corners:
        assert solve(losses, prices, one.price).loss == pytest.approx(one.loss)
