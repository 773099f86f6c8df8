"""Laws of what strategies for a goal share: draws, mending, and what losses alone decide."""

import sys
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
import torch

from search.choices import Choices, Evidence
from search.ddpg import ExcessWalk
from search.strategies import NSGA2, TPE, EvolutionByExcess, KnapsackByExcess, Sensitivity
from search.strategies.fitting import Drawing
from search.strategies.uniform import same_everywhere
from tests.search.knobs import (
    ALONE,
    COUNTS,
    EVERY,
    FILLED,
    KINDS,
    LOSSES,
    PROBES,
    Options,
    cost,
    evidence_of,
    excess_over,
)

SAVED = [np.linspace(0, 1 + knob, count) for knob, count in enumerate(COUNTS)]


def summed(rows: list[np.ndarray], options: Options) -> float:
    return sum(float(row[o]) for row, o in zip(rows, options, strict=True))


def further(one: Options, other: Options) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("most", [2.5, 1.2, 0.3])
def test_what_is_drawn_or_mended_fits_and_would_not_with_a_step_less(most: float) -> None:
    drawing = Drawing(COUNTS, excess_over(most), 0)
    chance = np.random.default_rng(0)
    for _ in range(30):
        wild = tuple(int(chance.integers(count)) for count in COUNTS)
        for options in (drawing.drawn(), drawing.mended(wild)):
            assert cost(options) <= most
            for knob in range(len(COUNTS)):
                if options[knob]:
                    less = (*options[:knob], options[knob] - 1, *options[knob + 1 :])
                    assert cost(less) > most


def test_every_wish_has_its_network_and_every_network_that_fits_tightly_its_wish() -> None:
    drawing = Drawing(COUNTS, excess_over(1.2), 0)
    assert drawing.along(np.zeros(6)) == drawing.along(np.full(6, 0.7))
    fitting = [one for one in EVERY if cost(one) <= 1.2]
    tight = [one for one in fitting if not any(further(other, one) for other in fitting)]
    last = np.array(drawing.last)
    assert all(drawing.along(np.array(one) / last) == one for one in tight[::5])
    shares = np.array(tight[0]) / last
    costs = [cost(drawing.along(shares, share)) for share in (0.0, 0.5, 1.0)]
    assert all(a >= b for a, b in pairwise(costs)) and costs[-1] == cost(drawing.last)


def test_a_child_that_no_step_makes_cheaper_is_mended_too() -> None:
    """Latency falls in stairs: here only two steps together save anything."""
    stairs = Drawing(COUNTS, lambda options: 3 - 2 * (sum(options) // 6) / 2, 0)
    assert stairs.excess(stairs.mended((0,) * 6)) <= 1


def test_a_knapsack_is_the_best_of_all_where_losses_and_costs_are_sums() -> None:
    whole = summed(SAVED, tuple(count - 1 for count in COUNTS)) + 1
    for most in np.linspace(1.5, whole, 12).tolist():

        def excess(one: Options, most: float = most) -> float:
            return (whole - summed(SAVED, one)) / most

        strategy = KnapsackByExcess(COUNTS, excess, ALONE, FILLED, tries=1)
        while asked := strategy.ask():
            seen = [torch.tensor(summed(LOSSES, one.options) + 1.0) for one in asked]
            strategy.tell(asked, [Evidence(loss, loss) for loss in seen])
        best = min(summed(LOSSES, one) for one in EVERY if whole - summed(SAVED, one) <= most)
        assert summed(LOSSES, strategy.best().options) == pytest.approx(best, abs=1e-6)
        assert strategy.told()["judged"] <= PROBES + 1


def test_one_threshold_for_all_is_the_least_that_is_enough() -> None:
    answers: list[Options] = []
    for most in (2.5, 2.0, 1.5, 1.0, 0.5, 0.2):
        strategy = Sensitivity(COUNTS, excess_over(most), ALONE, FILLED, 1)
        while asked := strategy.ask():
            strategy.tell(asked, list(map(evidence_of, asked)))
        answers.append(strategy.solution())
        alone = strategy.losses()
        threshold = max(float(row[o]) for row, o in zip(alone, answers[-1], strict=True))

        def within(limit: float, rows: list[np.ndarray] = alone) -> Options:
            return tuple(int((row <= limit).sum()) - 1 for row in rows)

        assert answers[-1] == within(threshold) and cost(answers[-1]) <= most
        assert cost(within(threshold - 1e-9)) > most
    assert all(a == b or further(a, b) for a, b in pairwise(answers))


def test_evolution_begins_with_what_is_the_same_everywhere() -> None:
    first = same_everywhere(COUNTS, KINDS, excess_over(1.2))
    strategy = EvolutionByExcess(COUNTS, excess_over(1.2), 0, [(0,) * 6, *first], batch=8)
    asked = [one.options for one in strategy.ask()]
    assert len(first) == 3 and asked[:3] == first and len(asked) == 8


def test_nsga2_finds_more_than_one_bargain() -> None:
    strategy = NSGA2(COUNTS, excess_over(2.0), 0, population=10)
    seen: dict[Options, tuple[float, float]] = {}
    for _ in range(6):
        asked = strategy.ask()
        told = [evidence_of(one) for one in asked]
        for one, evidence in zip(asked, told, strict=True):
            seen[one.options] = (float(evidence.loss), cost(one.options))
        strategy.tell(asked, told)
    front = [
        (loss, price)
        for loss, price in seen.values()
        if not any(a < loss and b < price for a, b in seen.values())
    ]
    assert len(front) >= 4 and min(price for _, price in front) < 1.2
    assert strategy.best().options == min(seen, key=lambda one: seen[one][0])


def test_an_agent_takes_no_option_that_later_ones_cannot_make_up_for() -> None:
    walk = ExcessWalk(COUNTS, KINDS, excess_over(0.5))
    for action in (0.0, 0.4, 0.99):
        trace = walk.forward(lambda seen, action=action: action)
        assert cost(trace.options) <= 0.5
        again = walk.retrace(trace.options)
        assert (again.seen == trace.seen).all() and (again.done == trace.done).all()
        assert trace.seen.shape == (6, 8) and trace.seen.min() >= -1 and trace.seen.max() <= 1
    lazy = walk.forward(lambda seen: 0.0).options
    assert lazy[0] == 0 and lazy[-1] == COUNTS[-1] - 1  # the first do nothing, the last all
    with pytest.raises(ValueError, match="nothing to choose"):
        ExcessWalk((1, 1), ("a", "a"), lambda options: 0.5)


def test_a_missing_package_is_named_with_how_to_get_it() -> None:
    with (
        mock.patch.dict(sys.modules, {"optuna": None}),
        pytest.raises(ValueError, match=r"optuna, which is not installed: pip install '.\[optuna"),
    ):
        TPE(COUNTS, excess_over(1.2), 0)


def test_what_is_asked_and_not_told_is_asked_again() -> None:
    strategy = NSGA2(COUNTS, excess_over(1.2), 0, population=6)
    asked = strategy.ask()
    assert strategy.ask() == asked and all(isinstance(one, Choices) for one in asked)
    strategy.tell(asked[:2], list(map(evidence_of, asked[:2])))
    assert strategy.ask() == asked[2:]
