"""Search what is done where, so that a goal is met and least is lost."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from search.asking import ask_and_tell
from search.auto.costs import Limits
from search.auto.given import Given
from search.auto.strategies import BY_LOSSES_ALONE, Wanted, probing_of, strategy_of
from search.choices import Choices, Evidence, NotMet
from search.evaluators.compressed import CompressedNetwork
from search.journal import Journal
from search.problems.compressed import Compressed, Compression
from search.strategies import Uniform

ALONE = "alone.jsonl"


class Found(NamedTuple):
    """The answer, what the images of the search say of it, and the seconds that it took."""

    compressed: Compressed
    evidence: Evidence
    seconds: float


class Searching:
    """Judges networks by all images of the search; nothing is judged twice."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self.network = CompressedNetwork(
            given.whole, given.subject.input, given.channels, given.ranking, given.seen,
            given.judged, given.flows,
        )  # fmt: skip
        self._known: dict[tuple[bool, tuple[int, ...]], Evidence] = {}

    def alone(self) -> tuple[dict[str, np.ndarray], float]:
        """By the name of a knob, what each option loses alone; and in which time that was judged.

        Nothing where the strategy does not ask. In int8 each change is taken to lose as much.
        """
        problem = self._given.problem
        if self._given.config.strategy not in BY_LOSSES_ALONE or not problem.knobs:
            return {}, 0.0
        strategy = probing_of(problem)
        journal, judge = Journal(self._given.out / ALONE), self._judge_of(problem)
        ask_and_tell(strategy, judge, journal, strategy.probes, "each change alone")
        names = [knob.name for knob in problem.knobs]
        return dict(zip(names, strategy.losses(), strict=True)), journal.seconds

    def within(
        self, problem: Compression, limits: Limits, losses: Mapping[str, np.ndarray], file: Path
    ) -> Found:
        """The network that loses least within the limits; NotMet where there is none."""
        judge = self._judge_of(problem)

        @cache
        def excess(options: tuple[int, ...]) -> float:
            return limits.excess(problem.decode(options))

        own = [losses[knob.name] for knob in problem.knobs] if losses else []
        wanted = Wanted(self._given.config, problem, excess, own)
        strategy, most = strategy_of(wanted) if problem.knobs else (Uniform((), (), excess), 1)
        journal = Journal(file)
        count = ask_and_tell(strategy, judge, journal, most, "together")
        best = strategy.best()
        if excess(best.options) > 1:
            raise NotMet(
                f"{count} networks were judged and none met the goal: the nearest is "
                f"{nearest(limits, problem.decode(best.options))}; let more be lost (--floor), or "
                "ask for less"
            )
        return Found(problem.decode(best.options), judge(0, best), journal.seconds)

    def _judge_of(self, problem: Compression) -> Callable[[int, Choices], Evidence]:
        def judge(number: int, choices: Choices) -> Evidence:
            key = (problem.int8, choices.options)
            if key not in self._known:
                self._known[key] = self.network.evaluate(problem.decode(choices.options))
            return self._known[key]

        return judge


def must_be_possible(limits: Limits, ways: Sequence[Compression]) -> None:
    """NotMet where all that may be done in one way is not enough; it says how near that comes."""
    most = [way.decode([count - 1 for count in way.counts]) for way in ways]
    least = min(most, key=limits.excess)
    if limits.excess(least) > 1:
        raise NotMet(
            "the goal cannot be met: with everything that may be done it is "
            f"{nearest(limits, least)}"
        )


def nearest(limits: Limits, one: Compressed) -> str:
    """What it costs, in words."""
    costs = limits.told(one)
    told: list[str] = []
    for bound in limits.bounds:
        cost, whole = costs[bound.of], limits.whole[bound.of]
        asked = bound.limit(whole) / whole
        told.append(
            f"{bound.of} {cost:,.4g} of {whole:,.4g} ({cost / whole:.3g}x, asked {asked:.3g}x)"
        )
    return ", ".join(told)
