"""The most probable network under a budget: a multiple-choice knapsack, solved by tables."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from search.prices import Prices

BUCKETS, BUCKETS_PER_KNOB = 16384, 128


def best_network(log_p: Tensor, prices: Prices, low: float, high: float) -> tuple[int, ...]:
    """The choice of the highest sum of `log_p` [knobs, widest] whose cost lies in [low, high].

    Where the last knob chooses among tables of prices, each table's best is found and the best of
    these taken. Otherwise as `most_likely`.
    """
    found: list[tuple[int, ...]] = []
    for table, (fixed, rows) in enumerate(prices.tables()):
        if fixed + sum(float(row.min()) for row in rows) <= high:
            scores = [one[: len(row)].numpy() for one, row in zip(log_p, rows, strict=False)]
            options = most_likely(scores, rows, low - fixed, high - fixed)
            found.append(prices.options_of(table, options))
    if not found:
        raise ValueError(f"no choice costs {high:g} or less")
    knobs = torch.arange(len(log_p))

    def merit(options: tuple[int, ...]) -> tuple[bool, float]:
        return prices.of(options) >= low, float(log_p[knobs, torch.tensor(options)].sum())

    return max(found, key=merit)


def most_likely(
    scores: Sequence[np.ndarray], prices: Sequence[np.ndarray], low: float, high: float
) -> tuple[int, ...]:
    """One option per knob: the highest sum of scores whose sum of prices lies in [low, high].

    Where no choice lies in the band, the best one below `high` is returned; ValueError when even
    the cheapest is dearer. Prices are rounded up to a bucket, at most high / 16384, so `high` is
    never exceeded; a sum that is known to lie above `low` is preferred to one that only may.
    """
    if high <= 0 or sum(float(p.min()) for p in prices) > high:
        raise ValueError(f"no choice costs {high:g} or less")
    buckets = max(BUCKETS, BUCKETS_PER_KNOB * len(prices))
    steps = [np.maximum(0, np.ceil(p / high * buckets - 1e-9)).astype(int) for p in prices]
    best = np.full(buckets + 1, -np.inf)
    best[0] = 0.0
    picked: list[np.ndarray] = []
    for score, step in zip(scores, steps, strict=True):
        table = np.full((len(score), buckets + 1), -np.inf)
        for option, (value, width) in enumerate(zip(score, step, strict=True)):
            if width <= buckets:
                table[option, width:] = best[: buckets + 1 - width] + value
        picked.append(table.argmax(axis=0).astype(np.int16))
        best = table.max(axis=0)
    if not np.isfinite(best).any():  # rounding up closed the last gap: take the cheapest
        return tuple(int(p.argmin()) for p in prices)
    bucket = _last_bucket(best, int(np.ceil(low / high * buckets)), len(prices))
    options: list[int] = []
    for choice, step in zip(reversed(picked), reversed(steps), strict=True):
        options.append(int(choice[bucket]))
        bucket -= int(step[options[-1]])
    return tuple(reversed(options))


def _last_bucket(best: np.ndarray, first: int, slack: int) -> int:
    """Where the best sum of scores stands: surely above `first`, else perhaps, else anywhere."""
    for start in (max(0, first + slack), max(0, first), 0):
        if np.isfinite(best[start:]).any():
            return start + int(best[start:].argmax())
    raise AssertionError("some bucket is reached")
