"""Decide what is done: in float or in int8, and until what was measured is fast enough."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from search.auto.costs import Limits
from search.auto.given import Given
from search.auto.goal import Bound
from search.auto.latency import Clock, File
from search.auto.searching import Found, Searching
from search.choices import NotMet
from search.problems.compressed import Compressed, Compression

ROUNDS = 6
"""How many networks of a way are measured at most."""
SAFE, CLOSE = 0.99, 0.03
"""A latency of that share of its bound stays within it when it is measured again; one that is so
little below the bound is not worth another round."""


class Decided(NamedTuple):
    """What is done, its file where a latency was asked for, and by way what is known of costs."""

    found: Found
    file: File | None
    limits: tuple[Limits, ...]


def decide(
    given: Given, searching: Searching, limits: Limits, losses: Mapping[str, np.ndarray],
    clock: Clock | None,
) -> Decided:  # fmt: skip
    """What is done; where a latency is asked for, until what was measured meets it.

    A prediction is some per cent off, alike for networks that are alike: the aim of a way moves by
    what it was wrong there. The way that loses least by what is known of it is measured next, and
    the search ends where none promises less loss than a network that was measured and is fast
    enough. NotMet where none was.
    """
    bound = next((one for one in limits.bounds if one.of == "latency"), None)
    ways = [_Way(given.out, searching, problem, limits, losses) for problem in given.ways]
    if clock is None or bound is None:
        return Decided(ways[0].search(), None, (limits,))
    met: list[tuple[Found, File]] = []
    way: _Way | None = None
    for number in range(ROUNDS * len(ways)):
        best = min((_loss(found) for found, _ in met), default=np.inf)
        promising = [way for way in ways if way.promises(best)]
        if not promising:
            break
        way = min(promising, key=lambda one: _loss(one.search()))
        found = way.search()
        one = found.compressed
        file = clock.measured(f"round {number}", searching.network.narrowed(one), one.int8)
        share = file.ms / bound.limit(file.whole_ms)
        if share <= SAFE:
            met.append((found, file))
        way.measured(bound, share)
    if not met:
        last = next(one for one in ways if one.refused) if way is None else way
        raise last.refused or NotMet(
            f"no network of {sum(one.rounds for one in ways)} that were predicted to be fast "
            "enough was: measure again on a calmer machine, or ask for more"
        )
    best, file = min(met, key=lambda one: _loss(one[0]))
    best = best._replace(seconds=sum(way.seconds for way in ways))
    return Decided(best, file, tuple(way.aim for way in ways))


class _Way:
    """What may be done, in float or in int8, and what is known of how fast that is."""

    def __init__(
        self, out: Path, searching: Searching, problem: Compression, limits: Limits,
        losses: Mapping[str, np.ndarray],
    ) -> None:  # fmt: skip
        self._out, self._searching, self._problem = out, searching, problem
        self.aim, self._losses = limits, losses
        self._found: Found | None = None
        self._ended = False
        self.refused: NotMet | None = None
        self.rounds, self.seconds = 0, 0.0

    def search(self) -> Found:
        """The network that loses least by the aim as it is; NotMet where there is none."""
        if self._found is None:
            file = self._out / tried_file(self._problem, str(self.rounds))
            self._found = self._searching.within(self._problem, self.aim, self._losses, file)
            self.seconds += self._found.seconds
        return self._found

    def promises(self, loss: float) -> bool:
        """Whether it may have a network that is fast enough and loses less."""
        if self._ended or self.rounds == ROUNDS:
            return False
        try:
            return _loss(self.search()) < loss
        except NotMet as refused:  # or the aim has moved beyond what can be reached
            self.refused, self._ended = refused, True
            return False

    def measured(self, bound: Bound, share: float) -> None:
        """What was found took that `share` of its bound: aim anew, where that may win anything."""
        one = self.search().compressed
        self._ended = share <= SAFE and (share >= 1 - CLOSE or not one.gone)
        self.aim, self._found = corrected(self.aim, bound, one, share), None
        self.rounds += 1


def tried_file(problem: Compression, number: str) -> str:
    """The journal of a search in a way."""
    return f"tried-{'int8-' if problem.int8 else ''}{number}.jsonl"


def corrected(limits: Limits, bound: Bound, one: Compressed, share: float) -> Limits:
    """The same limits, with a latency that says of this network what was measured: a `share` of
    its bound."""
    before = limits.costs["latency"]
    predicted = before(one) / bound.limit(limits.whole["latency"])
    factor = share / SAFE / predicted

    def cost(other: Compressed) -> float:
        return before(other) * (factor if other.gone or other.int8 else 1.0)

    return Limits({**limits.costs, "latency": cost}, limits.bounds, limits.whole)


def _loss(found: Found) -> float:
    return float(found.evidence.loss)
