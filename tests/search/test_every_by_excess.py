"""What holds for every strategy that is told how much of a goal options exceed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from search.asking import ask_and_tell
from search.choices import Choices, Evidence
from search.journal import Journal
from search.strategies import (
    GP,
    NSGA2,
    TPE,
    BackTracking,
    DDPGByExcess,
    EvolutionByExcess,
    KnapsackByExcess,
    LeastLost,
    RandomByExcess,
    Sensitivity,
    Uniform,
)
from tests.search.knobs import (
    COUNTS,
    KINDS_OF_STRATEGY,
    MAKERS,
    PROBES,
    Options,
    cost,
    evidence_of,
    excess_over,
    least,
    lost,
)

every = pytest.mark.parametrize("kind", KINDS_OF_STRATEGY)
MOST = 1.2
FEW = {GP: 11, TPE: 24, DDPGByExcess: 30}
"""Networks, where they take long."""
WORSE = {
    LeastLost: 1.02, KnapsackByExcess: 1.02, Sensitivity: 1.35, BackTracking: 3.1, Uniform: 1.65,
    RandomByExcess: 1.1, EvolutionByExcess: 1.05, DDPGByExcess: 1.6, TPE: 1.1, GP: 1.3, NSGA2: 1.3,
}  # fmt: skip
"""How much more than the best of all the answer may lose, as a factor."""


def advance(strategy, rounds: int) -> list[tuple[Choices, ...]]:
    said: list[tuple[Choices, ...]] = []
    for _ in range(rounds):
        asked = strategy.ask()
        strategy.tell(asked, [evidence_of(one) for one in asked])
        said.append(asked)
    return [*said, (strategy.best(),)]


def searched(kind: type, file: Path, most: float = MOST, seed: int = 0) -> tuple[Options, int]:
    """The answer, and how many networks were judged now."""
    judged: list[Options] = []

    def judge(number: int, choices: Choices) -> Evidence:
        judged.append(choices.options)
        return evidence_of(choices)

    strategy = MAKERS[kind](excess_over(most), seed)
    ask_and_tell(strategy, judge, Journal(file), FEW.get(kind, 60), "")
    probing = kind in (LeastLost, KnapsackByExcess, Sensitivity)
    walking = kind is BackTracking
    for options in judged[PROBES if probing else 0 :]:
        assert walking or cost(options) <= most
    assert len(set(judged)) == len(judged)
    return strategy.best().options, len(judged)


def test_every_one_is_looked_at() -> None:
    assert set(MAKERS) == set(KINDS_OF_STRATEGY) == set(WORSE)


@pytest.mark.parametrize(
    ("kind", "most"),
    [(kind, most) for kind in KINDS_OF_STRATEGY for most in (2.0, MOST, 0.7)
     if most == MOST or kind is not GP],
)  # fmt: skip
def test_its_answer_meets_the_goal_and_is_near_the_best_of_all(
    kind: type, most: float, tmp_path: Path
) -> None:
    options, _ = searched(kind, tmp_path / "tried.jsonl", most)
    assert cost(options) <= most
    if most == MOST:
        assert least(most) <= lost(options) <= WORSE[kind] * least(most)


@pytest.mark.slow
@every
def test_killed_anywhere_it_ends_as_unbroken_and_a_seed_is_one_search(
    kind: type, tmp_path: Path
) -> None:
    whole = tmp_path / "whole.jsonl"
    answer, count = searched(kind, whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    rounds = [count - 2] if kind in (GP, TPE) else [0, 1, count // 3, count - 1, count]
    for kept in rounds:
        torch.manual_seed(kept)
        np.random.seed(kept)
        broken = tmp_path / f"{kept}.jsonl"
        broken.write_bytes(b"".join(lines[:kept]) + lines[0][:7])
        assert searched(kind, broken) == (answer, count - kept)
        mine = [line.options for line in Journal(broken).lines]
        assert mine == [line.options for line in Journal(whole).lines]


@every
def test_all_it_says_is_one_option_per_knob(kind: type) -> None:
    strategy = MAKERS[kind](excess_over(MOST), 0)
    for _ in range(3):
        advance(strategy, 1)
        for one in (*strategy.ask(), strategy.sample(), strategy.best()):
            assert all(0 <= o < count for o, count in zip(one.options, COUNTS, strict=True))
        p = strategy.probabilities()
        assert p.shape == (len(COUNTS), max(COUNTS))
        torch.testing.assert_close(p.sum(dim=1), torch.ones(len(p), dtype=p.dtype))
        assert all(isinstance(value, float) for value in strategy.told().values())


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.slow] * (kind is GP)) for kind in KINDS_OF_STRATEGY],
)
def test_from_its_state_it_continues_as_if_never_stopped(kind: type) -> None:
    first, second = (MAKERS[kind](excess_over(MOST), 3) for _ in range(2))
    advance(first, 9 if kind is GP else 2)
    second.restore(first.state())
    rounds = 1 if kind is GP else 6
    assert advance(second, rounds) == advance(first, rounds)


@pytest.mark.parametrize("kind", [kind for kind in KINDS_OF_STRATEGY if kind is not BackTracking])
def test_what_cannot_be_met_is_an_error(kind: type) -> None:
    with pytest.raises(ValueError, match="cannot be met"):
        MAKERS[kind](excess_over(0.05), 0)
