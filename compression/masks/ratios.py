"""How a share of all elements is spread over layers of different size."""

import math
from collections.abc import Sequence
from typing import Literal

AnyRatios = Literal["uniform", "heuristic"]


def bounds(share: float) -> tuple[float, float]:
    """The least and the largest share of one layer, where `share` goes of all.

    At the least three times as many of its elements stay as of all, at the most a third as many: a
    search for shares looks between (PocketFlow's `optimal` protocol). ValueError for a share
    outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share of the elements lies between 0 and 1, not at {share:g}")
    return max(0.0, 1 - 3 * (1 - share)), 1 - (1 - share) / 3


def heuristic(share: float, counts: Sequence[int]) -> list[float]:
    """For each layer of n elements the share that goes: a ln n, so that larger ones lose more.

    `counts` has n of each. The factor a makes it `share` of all elements together (PocketFlow's
    heuristic). No layer loses more than the upper one of `bounds`; what it would have lost, the
    others lose, by the same rule. ValueError for a share outside 0 to 1 and for a layer of fewer
    than 2 elements.
    """
    _, most = bounds(share)
    if min(counts) < 2:
        raise ValueError("a layer of fewer than 2 elements has no share to lose: exclude it")
    wanted, full = share * sum(counts), set[int]()
    while True:
        rest = [index for index in range(len(counts)) if index not in full]
        left = wanted - most * sum(counts[index] for index in full)
        weight = sum(counts[index] * math.log(counts[index]) for index in rest)
        factor = left / weight if rest else 0.0
        over = {index for index in rest if factor * math.log(counts[index]) > most}
        if not over:
            return [most if n in full else factor * math.log(c) for n, c in enumerate(counts)]
        full |= over
