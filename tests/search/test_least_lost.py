"""Laws of the strategy that takes away where least is lost, for costs that are no sum."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch

from search.choices import Choices, Evidence
from search.strategies.least_lost import LeastLost
from search.strategies.uniform import Uniform

COUNTS = (4, 3, 4)
LOSSES = [np.array([0.0, 0.1, 0.5, 2.0]), np.array([0.0, 0.4, 0.9]), np.array([0.0, 0.2, 0.3, 1.0])]
KEPT = [np.array([1.0, 0.7, 0.4, 0.1]), np.array([1.0, 0.5, 0.2]), np.array([1.0, 0.8, 0.6, 0.2])]


def cost(options: tuple[int, ...]) -> float:
    """Like multiply-accumulates: what one saves depends on the others."""
    a, b, c = (float(kept[o]) for kept, o in zip(KEPT, options, strict=True))
    return a * b + b * c


def lost(options: tuple[int, ...]) -> float:
    return sum(float(row[o]) for row, o in zip(LOSSES, options, strict=True))


def searched(
    most: float, tries: int = 0, judge: Callable[[tuple[int, ...]], float] = lost
) -> tuple[LeastLost, int]:
    probed = [tuple(range(1, count)) for count in COUNTS]

    def filled(count: int) -> Callable[[dict[int, float]], np.ndarray]:
        return lambda known: np.array([known[o] for o in range(count)])

    strategy = LeastLost(
        COUNTS, lambda options: cost(options) / most, probed, [filled(c) for c in COUNTS], tries
    )
    count = 0
    while asked := strategy.ask():
        seen = [torch.tensor(1.0 + judge(one.options)) for one in asked]
        strategy.tell(asked, [Evidence(loss, torch.tensor(0.0)) for loss in seen])
        count += len(asked)
    return strategy, count


@pytest.mark.parametrize("most", [1.9, 1.5, 1.0, 0.7, 0.4, 0.1])
def test_the_answer_fits_and_tries_bring_it_near_the_best_of_all(most: float) -> None:
    every = list(product(*map(range, COUNTS)))
    best = min(lost(one) for one in every if cost(one) <= most)
    strategy, count = searched(most)
    assert count == strategy.probes == 1 + sum(c - 1 for c in COUNTS)
    assert cost(strategy.best().options) <= most
    tried, count = searched(most, tries=8)
    assert count <= tried.probes + 8
    options = tried.best().options
    assert cost(options) <= most and lost(options) <= lost(strategy.best().options)
    assert lost(options) <= 1.35 * best


def test_what_is_judged_counts_not_what_was_predicted() -> None:
    """One pair is much worse together than both alone."""

    def judge(options: tuple[int, ...]) -> float:
        return lost(options) + 10 * (options[0] > 0 and options[1] > 0)

    strategy, _ = searched(0.8, tries=12, judge=judge)
    options = strategy.best().options
    assert cost(options) <= 0.8 and not (options[0] and options[1])


def test_what_cannot_be_met_is_an_error_and_what_costs_nothing_is_left_alone() -> None:
    with pytest.raises(ValueError, match="cannot be met"):
        searched(0.01, tries=1)
    assert searched(2.0, tries=3)[0].best().options == (0, 0, 0)


def test_uniform_judges_only_what_fits_and_does_least() -> None:
    strategy = Uniform(COUNTS, ["wide", "bits", "wide"], lambda options: cost(options) / 0.7)
    asked = [one.options for one in strategy.ask()]
    assert all(cost(one) <= 0.7 and one[0] == one[2] for one in asked)
    assert len(asked) == len(set(asked)) == strategy.networks
    every = [(w, b, w) for w in range(4) for b in range(3) if cost((w, b, w)) <= 0.7]
    assert {lost(one) for one in asked} >= {min(map(lost, every))}
    seen = [Evidence(torch.tensor(lost(one)), torch.tensor(0.0)) for one in asked]
    strategy.tell([Choices(one) for one in asked], seen)
    assert lost(strategy.best().options) == min(map(lost, every))
    with pytest.raises(ValueError, match="the same numbers everywhere"):
        Uniform(COUNTS, ["wide", "bits", "wide"], lambda options: 2.0)
