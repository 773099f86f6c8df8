"""Laws of the greedy search with back-tracking: what is kept, undone, halved, and when it ends."""

import pytest
import torch

from search.choices import Evidence
from search.strategies.back_tracking import BackTracking, Options

COUNTS = (9, 9, 5)


def cost(options: Options) -> float:
    """Of 3: the first knob is worth most."""
    return 3 - 1.5 * options[0] / 8 - 1.0 * options[1] / 8 - 0.4 * options[2] / 4


def steps_of(strategy: BackTracking, walls: Options) -> list[tuple[Options, bool]]:
    """All that was asked behind the baseline, and whether it was right enough: up to `walls`."""
    found: list[tuple[Options, bool]] = []
    while asked := strategy.ask():
        (one,) = asked
        good = all(o <= wall for o, wall in zip(one.options, walls, strict=True))
        strategy.tell(asked, [Evidence(torch.tensor(0.0), torch.tensor(0.9 if good else 0.5))])
        if any(one.options):
            found.append((one.options, good))
    return found


def test_the_baseline_is_measured_first_or_given() -> None:
    """Acceptance 55."""
    measured = BackTracking(COUNTS, cost, drop=0.01)
    assert measured.ask()[0].options == (0, 0, 0)
    steps_of(measured, (8, 8, 4))
    assert measured.baseline == pytest.approx(0.9)
    given = BackTracking(COUNTS, cost, drop=0.01, baseline=0.9)
    assert any(given.ask()[0].options)


def test_a_step_is_kept_undone_or_halved_until_all_are_done() -> None:
    """Acceptance 54."""
    strategy = BackTracking(COUNTS, cost, drop=0.01, step=4)
    walls = (5, 2, 0)
    seen = steps_of(strategy, walls)
    assert strategy.best().options == walls  # every wall is found, to the option
    alone = [options for options, _ in seen if options[1] == options[2] == 0]
    assert alone == [(4, 0, 0), (8, 0, 0), (6, 0, 0)]  # 4, back, 2, back; others save more than 1
    kept = [options for options, good in seen if good]
    costs = [cost(options) for options in kept]
    assert costs == sorted(costs, reverse=True)


def test_it_ends_where_the_goal_is_met() -> None:
    strategy = BackTracking(COUNTS, lambda options: cost(options) / 2.3, drop=0.0)
    steps_of(strategy, (8, 8, 4))
    assert cost(strategy.best().options) <= 2.3 and strategy.judged < 4


def test_all_knobs_may_move_at_once() -> None:
    strategy = BackTracking(COUNTS, cost, drop=0.0, step=3, order="all")
    seen = steps_of(strategy, (8, 4, 4))
    assert seen[0] == ((3, 3, 3), True) and seen[1] == ((6, 6, 4), False)
    assert strategy.best().options == (4, 4, 4)


def test_it_goes_on_from_its_state() -> None:
    whole = BackTracking(COUNTS, cost, drop=0.0)
    expected = steps_of(whole, (5, 2, 0))
    first, second = (BackTracking(COUNTS, cost, drop=0.0) for _ in range(2))
    for _ in range(4):
        (one,) = asked = first.ask()
        good = all(o <= wall for o, wall in zip(one.options, (5, 2, 0), strict=True))
        first.tell(asked, [Evidence(torch.tensor(0.0), torch.tensor(0.9 if good else 0.5))])
    second.restore(first.state())
    assert steps_of(second, (5, 2, 0)) == expected[3:]
    with pytest.raises(ValueError, match="a step is 1 or more"):
        BackTracking(COUNTS, cost, drop=0.0, step=0)
