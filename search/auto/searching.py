"""Search what is done where, so that a goal is met and least is lost."""

from collections.abc import Sequence
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

ALONE = "alone.jsonl"


class Found(NamedTuple):
    """The answer, what the images of the search say of it, and the seconds that it took."""

    compressed: Compressed
    evidence: Evidence
    seconds: float


class Searching:
    """Judges networks by all images of the search; nothing is judged twice."""

    def __init__(self, given: Given) -> None:
        self._given, self.problem = given, given.problem
        self.network = CompressedNetwork(
            given.whole, given.subject.input, given.channels, given.ranking, given.seen,
            given.judged, given.flows,
        )  # fmt: skip
        self._known: dict[tuple[int, ...], Evidence] = {}

    def alone(self) -> tuple[list[np.ndarray], float]:
        """[knobs][options]: what each loses alone; and in which time that was judged.

        Nothing where the strategy does not ask.
        """
        if self._given.config.strategy not in BY_LOSSES_ALONE:
            return [], 0.0
        strategy = probing_of(self.problem)
        journal = Journal(self._given.out / ALONE)
        ask_and_tell(strategy, self._judge, journal, strategy.probes, "each change alone")
        return strategy.losses(), journal.seconds

    def within(self, limits: Limits, losses: Sequence[np.ndarray], file: Path) -> Found:
        """The network that loses least within the limits; NotMet where there is none."""
        decode = self.problem.decode

        @cache
        def excess(options: tuple[int, ...]) -> float:
            return limits.excess(decode(options))

        wanted = Wanted(self._given.config, self.problem, excess, losses)
        strategy, most = strategy_of(wanted)
        journal = Journal(file)
        count = ask_and_tell(strategy, self._judge, journal, most, "together")
        best = strategy.best()
        if excess(best.options) > 1:
            raise NotMet(
                f"{count} networks were judged and none met the goal: the nearest is "
                f"{nearest(limits, decode(best.options))}; let more be lost (--floor), or ask for "
                "less"
            )
        return Found(decode(best.options), self._judge(0, best), journal.seconds)

    def _judge(self, number: int, choices: Choices) -> Evidence:
        options = choices.options
        if options not in self._known:
            self._known[options] = self.network.evaluate(self.problem.decode(options))
        return self._known[options]


def must_be_possible(limits: Limits, problem: Compression) -> None:
    """NotMet where all that may be done is not enough; it says how near that comes."""
    least = problem.decode([count - 1 for count in problem.counts])
    if limits.excess(least) > 1:
        near = nearest(limits, least)
        by_bits = problem.int8 and {"bytes", "bops"} & {bound.of for bound in limits.bounds}
        hint = "; without int8 (--methods channels sparsity bits) weights may have fewer bits"
        raise NotMet(
            f"the goal cannot be met: with everything that may be done it is {near}"
            f"{hint if by_bits else ''}"
        )


def nearest(limits: Limits, one: Compressed) -> str:
    """What it costs, in words."""
    return ", ".join(
        f"{of} {cost:,.4g} of {limits.whole[of]:,.4g} ({cost / limits.whole[of]:.3f}x)"
        for of, cost in limits.told(one).items()
    )
