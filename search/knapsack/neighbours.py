"""Assignments a small step away: one knob a little dearer or cheaper, or two."""

from collections.abc import Iterator, Sequence

import numpy as np

from search.knapsack.rows import Rows, summed


def neighbours(
    losses: Rows, prices: Rows, budget: float, options: Sequence[int]
) -> Iterator[tuple[int, ...]]:
    """All within the budget, by their summed loss.

    A knob moves to the next dearer or the next cheaper option that is not both dearer and worse
    than another one; one knob moves, or two.
    """
    moves = [
        (knob, option)
        for knob, now in enumerate(options)
        for option in _beside(losses[knob], prices[knob], now)
    ]
    if not moves:
        return
    knob = np.array([knob for knob, _ in moves])
    loss, price = (
        np.array([float(rows[k][option] - rows[k][options[k]]) for k, option in moves])
        for rows in (losses, prices)
    )
    one, two = np.triu_indices(len(moves))
    alone = one == two
    more, dearer = (change[one] + np.where(alone, 0.0, change[two]) for change in (loss, price))
    fits = (alone | (knob[one] != knob[two])) & (summed(prices, options) + dearer <= budget)
    found = np.flatnonzero(fits)
    for place in found[np.argsort(more[found], kind="stable")].tolist():
        moved = list(options)
        for move in (one[place], two[place]):
            moved[moves[move][0]] = moves[move][1]
        yield tuple(moved)


def _beside(losses: np.ndarray, prices: np.ndarray, now: int) -> list[int]:
    """The nearest cheaper and the nearest dearer option of those that no other beats."""
    order = np.lexsort((losses, prices))
    loss = losses[order]
    good = order[loss < np.minimum.accumulate(np.concatenate(([np.inf], loss[:-1])))]
    cheaper, dearer = good[prices[good] < prices[now]], good[prices[good] > prices[now]]
    return [*cheaper[-1:].tolist(), *dearer[:1].tolist()]
