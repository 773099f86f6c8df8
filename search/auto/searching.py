"""Search what is done where, so that a goal is met and least is lost."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from search.asking import ask_and_tell
from search.auto.costs import Limits
from search.auto.given import Given
from search.choices import Choices, Evidence
from search.evaluators.compressed import CompressedNetwork
from search.journal import Journal
from search.problems.compressed import Compressed, Compression
from search.sensitivities import all_losses
from search.strategies.back_tracking import BackTracking
from search.strategies.base import Strategy
from search.strategies.least_lost import LeastLost, Losses
from search.strategies.uniform import Uniform

ALONE = "alone.jsonl"
PROBED_STEPS = 3
MOST_STEPS = 1000
PROBED_BITS = (4, 3, 2)


class Found(NamedTuple):
    """The answer, what the images of the search say of it, and what it took."""

    compressed: Compressed
    evidence: Evidence
    judged: int
    seconds: float


class Searching:
    """Judges networks by all images of the search; nothing is judged twice."""

    def __init__(self, given: Given) -> None:
        self._given, self.problem = given, given.problem
        self.network = CompressedNetwork(
            given.whole, given.subject.input, given.channels, given.ranking, given.seen,
            given.judged, given.flows,
        )  # fmt: skip

    def alone(self) -> tuple[list[np.ndarray], int, float]:
        """[knobs][options]: what each loses alone; how many were judged, and in which time.

        Nothing where the strategy does not ask.
        """
        if self._given.config.strategy != "least-lost":
            return [], 0, 0.0
        strategy = self._strategy(lambda options: 0.0, 0)
        journal = Journal(self._given.out / ALONE)
        count = ask_and_tell(strategy, self._judge, journal, strategy.probes, "each change alone")
        return strategy.losses(), count, journal.seconds

    def within(self, limits: Limits, losses: Sequence[np.ndarray], file: Path) -> Found:
        """The network that loses least within the limits; ValueError where there is none."""
        decode, tries = self.problem.decode, self._given.config.tries

        def excess(options: tuple[int, ...]) -> float:
            return limits.excess(decode(options))

        strategy: Strategy
        match self._given.config.strategy:
            case "uniform":
                strategy = Uniform(self.problem.counts, kinds(self.problem), excess)
                most = strategy.networks
            case "back-tracking":
                floor = self._given.config.floor / 100
                strategy = BackTracking(self.problem.counts, excess, floor)
                most = MOST_STEPS
            case "least-lost":
                strategy, most = self._strategy(excess, tries, losses), tries + 1
        journal = Journal(file)
        count = ask_and_tell(strategy, self._judge, journal, most, "together")
        best = strategy.best()
        if excess(best.options) > 1:
            raise ValueError(
                f"{count} networks were judged and none met the goal: the nearest is "
                f"{nearest(limits, decode(best.options))}; let more be lost (--floor), or ask for "
                "less"
            )
        return Found(decode(best.options), self._judge(0, best), count, journal.seconds)

    def _judge(self, number: int, choices: Choices) -> Evidence:
        return self.network.evaluate(self.problem.decode(choices.options))

    def _strategy(
        self,
        excess: Callable[[tuple[int, ...]], float],
        tries: int,
        losses: Sequence[np.ndarray] = (),
    ) -> LeastLost:
        problem = self.problem
        probed = [()] * len(problem.counts) if losses else probes(problem)
        return LeastLost(problem.counts, excess, probed, fillings(problem), tries, losses=losses)


def must_be_possible(limits: Limits, problem: Compression) -> None:
    """ValueError where all that may be done is not enough; it says how near that comes."""
    least = problem.decode([count - 1 for count in problem.counts])
    if limits.excess(least) > 1:
        near = nearest(limits, least)
        raise ValueError(f"the goal cannot be met: with everything that may be done it is {near}")


def nearest(limits: Limits, one: Compressed) -> str:
    """What it costs, in words."""
    return ", ".join(
        f"{of} {cost:,.4g} of {limits.whole[of]:,.4g} ({cost / limits.whole[of]:.3f}x)"
        for of, cost in limits.told(one).items()
    )


def kinds(problem: Compression) -> list[str]:
    """Which knobs are alike: channels, bits, int8."""
    return [knob.name.partition(" ")[0] for knob in problem.knobs]


def probes(problem: Compression) -> list[tuple[int, ...]]:
    """Which options of each knob are tried alone: some widths and shares, few bits, int8."""
    found: list[tuple[int, ...]] = []
    for knob in problem.knobs:
        last = len(knob.labels) - 1
        if knob.name.startswith(("channels", "zeros")):
            steps = min(PROBED_STEPS, last)
            found.append(tuple(sorted({round(last * (n + 1) / steps) for n in range(steps)})))
        elif knob.name.startswith("bits"):
            few = [n for n, bits in enumerate(problem.bits) if bits in PROBED_BITS]
            found.append(tuple(few or [last]))
        else:
            found.append((1,))
    return found


def fillings(problem: Compression) -> list[Losses]:
    """How what was tried becomes what all options of a knob lose."""
    places = np.array(problem.bits, dtype=float)[:, None]
    by_bits = partial(_by_bits, places)
    return [
        by_bits if knob.name.startswith("bits") else partial(_between, len(knob.labels))
        for knob in problem.knobs
    ]


def _by_bits(places: np.ndarray, known: dict[int, float]) -> np.ndarray:
    """The law of rounding between those that were tried, and towards float, which loses nothing."""
    return all_losses({o: loss for o, loss in known.items() if o}, places, 0)


def _between(count: int, known: dict[int, float]) -> np.ndarray:
    """On lines between those that were tried."""
    tried = sorted(known)
    return np.interp(range(count), tried, [known[one] for one in tried])
