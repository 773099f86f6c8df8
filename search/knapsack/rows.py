"""What a knapsack is given and answers: rows of losses and prices, one option of each."""

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

Rows = Sequence[np.ndarray]


class Assignment(Struct, frozen=True):
    """One option per knob, their summed loss and their summed price (`math.fsum` of both)."""

    options: tuple[int, ...]
    loss: float
    price: float


def assignment(losses: Rows, prices: Rows, options: Sequence[int]) -> Assignment:
    """These options, summed."""
    return Assignment(tuple(options), summed(losses, options), summed(prices, options))


def summed(rows: Rows, options: Sequence[int]) -> float:
    """One number of each row."""
    return math.fsum(float(row[option]) for row, option in zip(rows, options, strict=True))


def check(losses: Rows, prices: Rows, budget: float) -> None:
    """ValueError where rows are no table, or where nothing is as cheap as the budget."""
    for knob, (loss, price) in enumerate(zip(losses, prices, strict=True)):
        if len(loss) != len(price) or not len(loss):
            raise ValueError(f"knob {knob} has {len(loss)} losses and {len(price)} prices")
        if not (np.isfinite(loss).all() and np.isfinite(price).all()):
            raise ValueError(f"a loss or price of knob {knob} is not finite")
    least = math.fsum(float(row.min()) for row in prices)
    if not least <= budget:
        raise ValueError(f"no assignment costs {budget:g} or less: the cheapest costs {least:g}")
