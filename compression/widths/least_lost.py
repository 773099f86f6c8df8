"""Choose widths for a goal: where the least is lost for what is saved, whatever costs how much."""

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np

from compression.importance.base import Scores, by_own_mean
from compression.widths.choose import Cost, must_be_possible
from compression.widths.sizes import Gone
from compression.widths.stops import Stops

Losses = Mapping[str, np.ndarray]
"""By group, [width]: what is lost with its first n channels, n from 0; it never falls."""


def losses_of(scores: Scores, comparable: bool = False) -> Losses:
    """What is lost is the sum of the scores of what goes.

    They are taken in units of the group's mean score, unless those of all groups are `comparable`.
    """
    found = dict[str, np.ndarray]()
    for name, one in (scores if comparable else by_own_mean(scores)).items():
        values = np.sort(one.double().cpu().numpy())
        found[name] = np.concatenate([[0.0], np.cumsum(values[:-1])])
    return found


def least_lost(losses: Losses, cost: Cost, most: float, stops: Stops) -> Gone:
    """Channels to take away, so that the rest costs `most`, with little lost in all.

    Time and again the group is narrowed, to any of its stops, that loses the least for each unit of
    cost that is saved now; what is saved depends on what went before. At the end groups get back
    what the last steps took too much. Widths that save nothing are never taken: latency falls in
    stairs. ValueError where all groups at their last stop cost more.
    """
    must_be_possible(cost({name: every[-1] for name, every in stops.items() if every}), most)
    gone = dict[str, int]()
    now = cost(gone)

    def best(name: str) -> _Step | None:
        return _best(name, losses[name], cost, gone, now, stops[name])

    heap = [step for name in stops if (step := best(name))]
    heapify(heap)
    while now > most:
        again = best(heappop(heap).group)
        assert again is not None
        if heap and again > heap[0]:
            heappush(heap, again)  # what others have saved meanwhile made it worth less
            continue
        gone[again.group] = again.gone
        now = cost(gone)
        if after := best(again.group):
            heappush(heap, after)
    return _given_back(gone, losses, cost, most, stops)


class _Step(NamedTuple):
    """A group loses so many channels in all; those that come first are worth taking first."""

    saves_nothing: bool
    rate: float
    group: str
    gone: int


def _best(
    name: str, losses: np.ndarray, cost: Cost, gone: Gone, now: float, stops: tuple[int, ...]
) -> _Step | None:
    """The best next step of a group; None where it is at its last stop."""
    before = gone.get(name, 0)
    found = list[_Step]()
    for stop in stops:
        if stop > before:
            saved = now - cost({**gone, name: stop})
            lost = float(losses[stop] - losses[before])
            rate = lost / saved if saved > 0 else lost
            found.append(_Step(saved <= 0, rate, name, stop))
    return min(found, default=None)


def _given_back(
    gone: Gone, losses: Losses, cost: Cost, most: float, stops: Stops
) -> dict[str, int]:
    """As long as the cost allows, the group gets channels back that regains most by it."""
    kept = dict(gone)
    while True:
        regained = [
            (float(losses[name][count] - losses[name][fewer]), name, fewer)
            for name, count in kept.items()
            for fewer in (0, *stops[name])
            if fewer < count and cost({**kept, name: fewer}) <= most
        ]
        best = max(regained, default=None)
        if best is None:
            return {name: count for name, count in kept.items() if count}
        kept[best[1]] = best[2]
