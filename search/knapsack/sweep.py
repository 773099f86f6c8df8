"""From the cheapest assignment to that of least loss, along the convex hulls of the rows."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from search.knapsack.rows import Assignment, Rows, assignment


class Step(NamedTuple):
    """A knob goes from one corner of its lower convex hull to the next dearer one."""

    gain: float  # loss saved per price
    knob: int
    option: int
    price: float  # more than before


def front(losses: Rows, prices: Rows) -> list[Assignment]:
    """All corners of the Lagrangian sweep, from the cheapest assignment to that of least loss.

    Each has the least loss of all that are as cheap, and lies on the convex hull of all
    assignments; between two neighbours `solve` may find more.
    """
    options, steps = sweep(losses, prices)
    corners = [assignment(losses, prices, options)]
    for step in steps:
        options[step.knob] = step.option
        corners.append(assignment(losses, prices, options))
    return corners


def sweep(losses: Rows, prices: Rows) -> tuple[list[int], list[Step]]:
    """The cheapest assignment, and the steps from it to that of least loss, best first."""
    hulls = [_hull(*pair) for pair in zip(losses, prices, strict=True)]
    steps = [step for knob, hull in enumerate(hulls) for step in _along(hull, knob, losses, prices)]
    steps.sort(key=lambda step: -step.gain)  # stable: a knob's own steps keep their order
    return [hull[0] for hull in hulls], steps


def _along(hull: list[int], knob: int, losses: Rows, prices: Rows) -> Iterator[Step]:
    gain = math.inf
    for before, option in pairwise(hull):
        price = float(prices[knob][option] - prices[knob][before])
        saved = float(losses[knob][before] - losses[knob][option])
        gain = min(gain, saved / price)  # also where rounding would have it rise
        yield Step(gain, knob, option, price)


def _hull(losses: np.ndarray, prices: np.ndarray) -> list[int]:
    """The corners of a row's lower convex hull, from its cheapest option to its least loss."""
    loss, price = losses.tolist(), prices.tolist()
    corners: list[int] = []
    for new in np.lexsort((losses, prices)).tolist():
        if corners and loss[new] >= loss[corners[-1]]:
            continue
        while len(corners) > 1:
            a, b = corners[-2:]
            if (loss[a] - loss[b]) * (price[new] - price[b]) > (loss[b] - loss[new]) * (
                price[b] - price[a]
            ):
                break
            corners.pop()
        corners.append(new)
    return corners
