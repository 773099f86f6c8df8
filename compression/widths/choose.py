"""Choose widths for a goal: everywhere alike, or what is worth least first, wherever it is."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from compression.importance.base import Scores
from compression.widths.rounding import Rounding, kept_of
from compression.widths.sizes import Gone
from compression.widths.stops import stops_of

Cost = Callable[[Gone], float]
"""What a network costs that has lost so much: MACs, parameters, milliseconds."""
SHARES = 1000
Rank = Literal["evenly", "lowest-first"]
"""Whether all groups lose the same share, or channels go in the order of their scores."""


def evenly(
    widths: Mapping[str, int],
    cost: Cost,
    most: float,
    multiple: int = 1,
    rounding: Rounding = "nearest",
) -> Gone:
    """The same share goes everywhere, rounded to widths of `multiple`: the least that costs `most`.

    Shares are tried in steps of a thousandth. ValueError where not even the narrowest network
    costs so little.
    """

    def at(step: int) -> Gone:
        return {
            name: width - kept_of(width, step / SHARES, multiple, rounding)
            for name, width in widths.items()
        }

    narrowest = cost(at(SHARES))
    must_be_possible(narrowest, most)
    return at(first_enough(SHARES, lambda step: cost(at(step)) <= most))


def lowest_first(scores: Scores, cost: Cost, most: float, multiple: int = 1) -> Gone:
    """Channels go in the order of their score, whichever group they belong to, until it is enough.

    They go in steps of `multiple`, each step at its mean score, so that widths are multiples where
    they were; a group keeps at least `multiple`. ValueError where that does not suffice.
    """
    stops = stops_of({name: len(one) for name, one in scores.items()}, multiple)
    steps: list[tuple[float, str, int]] = []
    for name, one in scores.items():
        values = np.sort(one.cpu().numpy())
        worth = 0.0
        for gone in stops[name]:
            before = steps[-1][2] if steps and steps[-1][1] == name else 0
            worth = max(worth, float(values[before:gone].mean()))
            steps.append((worth, name, gone))
    order = sorted(steps, key=lambda step: step[0])
    narrowest = dict[str, int]()
    for _, name, count in order:
        narrowest[name] = count
    must_be_possible(cost(narrowest), most)

    def after(count: int) -> dict[str, int]:
        return {name: gone for _, name, gone in order[:count]}

    return after(first_enough(len(order), lambda count: cost(after(count)) <= most))


def at_density(scores: Scores, density: float, rank: Rank, multiple: int = 1) -> Gone:
    """ceil(density * n) of n channels stay, rounded up to widths of `multiple`: of each group, or
    of all together, those with the least scores gone wherever they are (network slimming).

    ValueError where each group keeping its least leaves more.
    """
    widths = {name: len(one) for name, one in scores.items()}
    if rank == "evenly":
        return {
            name: width - kept_of(width, 1 - density, multiple, "up")
            for name, width in widths.items()
        }
    count = sum(widths.values())
    most = kept_of(count, 1 - density, rounding="up")
    return lowest_first(scores, lambda gone: count - sum(gone.values()), most, multiple)


Drops = Mapping[str, Sequence[tuple[int, float]]]
"""By group, what was tried: how many channels went, and the accuracy that was lost."""


def within(drops: Drops, threshold: float) -> Gone:
    """From each group as many channels as it may lose without losing more than `threshold`."""
    return {
        name: max((gone for gone, drop in tried if drop <= threshold), default=0)
        for name, tried in drops.items()
    }


def by_sensitivity(drops: Drops, cost: Cost, most: float) -> Gone:
    """The same accuracy may be lost with each group: the least for which all cost `most` (Vitis).

    ValueError where not even the largest drop that was tried makes the network so cheap.
    """
    thresholds = sorted({0.0, *(drop for tried in drops.values() for _, drop in tried)})
    must_be_possible(cost(within(drops, thresholds[-1])), most)
    last = len(thresholds) - 1
    step = first_enough(last, lambda step: cost(within(drops, thresholds[step])) <= most)
    return within(drops, thresholds[step])


def first_enough(last: int, enough: Callable[[int], bool]) -> int:
    """The first step that is enough, where all behind one that is are too; else the last."""
    return bisect_left(range(last), True, key=enough)


def must_be_possible(narrowest: float, most: float) -> None:
    """ValueError where the narrowest network costs more than it may."""
    if narrowest > most:
        raise ValueError(
            f"{most:.4g} cannot be met: with as few channels as may stay the network still costs "
            f"{narrowest:.4g}; ask for more, or let more layers lose channels"
        )
