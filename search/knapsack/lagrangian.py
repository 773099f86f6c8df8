"""The least loss within a budget, in milliseconds: a Lagrangian, then the few sums it leaves."""

import math

import numpy as np

from search.knapsack.rows import Assignment, Rows, assignment, check, summed
from search.knapsack.sweep import sweep

WIDTHS = (1 / 32, 1 / 4, 1.0)  # parts of the gap in which the answer is looked for
MOST_SUMS = 256  # open at once
ROUNDING = 1e-12  # sums of floating point numbers are not surer than this, relatively


def solve(losses: Rows, prices: Rows, budget: float) -> Assignment:
    """The least summed loss whose summed price is at most `budget`; one row per knob in both.

    Losses and prices are finite, of any sign and in any order, rows of any length. First the
    linear relaxation: steps along the rows' convex hulls, by loss saved per price, as far as the
    budget goes. The first step that does not fit gives the multiplier of the Lagrangian, and with
    it a bound from below (Sinha and Zoltners 1979). Then all sums that may lie between this bound
    and what was found, without those that another beats in loss and price, knob by knob (Dyer,
    Kayal and Walker 1984). So the answer is the best there is, up to rounding, unless more than
    256 such sums are open at once: then some are left out.

    ValueError where even the cheapest is dearer than the budget.
    """
    check(losses, prices, budget)
    unsure = ROUNDING * math.fsum(float(abs(row).max()) for row in prices)
    options, steps = sweep(losses, prices)
    price, multiplier, stopped = summed(prices, options), 0.0, set[int]()
    for step in steps:
        if step.knob in stopped:
            continue
        before, options[step.knob] = options[step.knob], step.option
        more = price + step.price
        if more <= budget - unsure or (
            more <= budget + unsure and summed(prices, options) <= budget
        ):
            price = more
        else:
            options[step.knob] = before
            multiplier = multiplier if stopped else step.gain
            stopped.add(step.knob)
    found = assignment(losses, prices, options)
    return _closer(losses, prices, budget, multiplier, found) if stopped else found


def _closer(
    losses: Rows, prices: Rows, budget: float, multiplier: float, found: Assignment
) -> Assignment:
    """The best there is, in ever wider parts of the gap between the bound and what was found.

    An assignment lies above the bound by its summed excess + multiplier * what it does not spend.
    So an option whose excess is beyond the gap is out.
    """
    price = _padded(prices, 0.0)
    value = _padded(losses, np.inf) + multiplier * price
    least = value.min(axis=1)
    excess = value - least[:, None]
    bound = math.fsum([*least.tolist(), -multiplier * budget])
    gap = found.loss - bound
    unsure = ROUNDING * math.fsum([*abs(least).tolist(), abs(multiplier * budget)])
    for width in WIDTHS:
        if gap <= unsure:
            break
        limit = width * gap + unsure
        options = _within(excess, price, budget, multiplier, limit)
        if options is None:
            continue
        better = assignment(losses, prices, options)
        found = min(found, better, key=lambda one: one.loss)
        if better.loss - bound <= limit:
            break  # whatever is as good was looked at
    return found


def _within(
    excess: np.ndarray, prices: np.ndarray, budget: float, multiplier: float, limit: float
) -> list[int] | None:
    """The options of the assignment that lies least above the bound, if up to `limit`."""
    kept = excess <= limit
    options = kept.argmax(axis=1)
    open_knobs = np.flatnonzero(kept.sum(axis=1) > 1)
    single = np.ones(len(kept), dtype=bool)
    single[open_knobs] = False
    knobs = np.flatnonzero(single)
    price = prices[knobs, options[knobs]].sum(keepdims=True)
    over = excess[knobs, options[knobs]].sum(keepdims=True)
    lowest = _behind(np.where(kept, prices, np.inf)[open_knobs].min(axis=1))
    highest = _behind(np.where(kept, prices, -np.inf)[open_knobs].max(axis=1))
    slack = ROUNDING * float(abs(prices).max(axis=1).sum())
    trace: list[tuple[np.ndarray, np.ndarray]] = []
    for knob, low, high in zip(open_knobs, lowest, highest, strict=True):
        few = np.flatnonzero(kept[knob])
        price = (price[:, None] + prices[knob, few]).ravel()
        over = (over[:, None] + excess[knob, few]).ravel()
        above = over + multiplier * np.maximum(0.0, (budget - high) - price)
        alive = np.flatnonzero((above <= limit) & (price <= budget + slack - low))
        alive = alive[_undominated(price[alive], over[alive], multiplier)]
        price, over = price[alive], over[alive]
        trace.append((alive // len(few), few[alive % len(few)]))
    for state in np.argsort(over + multiplier * (budget - price)).tolist():
        for knob, (parents, picked) in zip(reversed(open_knobs), reversed(trace), strict=True):
            options[knob] = picked[state]
            state = parents[state]
        if math.fsum(prices[np.arange(len(kept)), options].tolist()) <= budget:
            return options.tolist()
    return None


def _undominated(price: np.ndarray, over: np.ndarray, multiplier: float) -> np.ndarray:
    """Places of sums that no other beats in price and loss, cheapest first; of many only some."""
    loss = over - multiplier * price
    order = np.lexsort((loss, price))
    loss = loss[order]
    order = order[loss < np.minimum.accumulate(np.concatenate(([np.inf], loss[:-1])))]
    if len(order) <= MOST_SUMS:
        return order
    price, over = price[order], over[order]
    part = ((price - price[0]) * (MOST_SUMS / (price[-1] - price[0]))).astype(int)
    best = np.lexsort((over, part))  # in every part the one that lies least above the bound
    return order[best[np.unique(part[best], return_index=True)[1]]]


def _behind(values: np.ndarray) -> np.ndarray:
    """For every place the sum of what comes behind it."""
    return np.cumsum(values[::-1])[::-1] - values


def _padded(rows: Rows, filling: float) -> np.ndarray:
    """[knobs, widest]"""
    table = np.full((len(rows), max(len(row) for row in rows)), filling)
    for knob, row in enumerate(rows):
        table[knob, : len(row)] = row
    return table
