"""The most probable network under a budget: a multiple-choice knapsack, solved by tables."""

from collections.abc import Sequence

import numpy as np

BUCKETS = 8192


def most_likely(
    scores: Sequence[np.ndarray], prices: Sequence[np.ndarray], low: float, high: float
) -> tuple[int, ...]:
    """One option per knob: the highest sum of scores whose sum of prices lies in [low, high].

    Where no choice lies in the band, the best one below `high` is returned; ValueError when even
    the cheapest is dearer. Prices are rounded up to high / 8192, so `high` is never exceeded and
    the sum is known to one bucket per knob.
    """
    if high <= 0 or sum(float(p.min()) for p in prices) > high:
        raise ValueError(f"no choice costs {high:g} or less")
    steps = [np.maximum(0, np.ceil(p / high * BUCKETS - 1e-9)).astype(int) for p in prices]
    best = np.full(BUCKETS + 1, -np.inf)
    best[0] = 0.0
    picked: list[np.ndarray] = []
    for score, step in zip(scores, steps, strict=True):
        table = np.full((len(score), BUCKETS + 1), -np.inf)
        for option, (value, width) in enumerate(zip(score, step, strict=True)):
            if width <= BUCKETS:
                table[option, width:] = best[: BUCKETS + 1 - width] + value
        picked.append(table.argmax(axis=0))
        best = table.max(axis=0)
    if not np.isfinite(best).any():  # rounding up closed the last gap: take the cheapest
        return tuple(int(p.argmin()) for p in prices)
    first = max(0, int(np.ceil(low / high * BUCKETS)))
    inside = first < BUCKETS + 1 and np.isfinite(best[first:]).any()
    bucket = first + int(best[first:].argmax()) if inside else int(best.argmax())
    options: list[int] = []
    for choice, step in zip(reversed(picked), reversed(steps), strict=True):
        options.append(int(choice[bucket]))
        bucket -= int(step[options[-1]])
    return tuple(reversed(options))
