"""Leave out the rounds in which the whole machine was slow."""

from collections.abc import Mapping, Sequence

import numpy as np

from latency_tables.protocol import Visit, Visits
from latency_tables.statistics import NOTHING_LEARNED_BELOW

FAST = 0.05  # the quantile of rounds that counts as undisturbed
NEAR = 1.03  # rounds up to this factor above it count too


def round_factors(visits: Mapping[str, Sequence[Visit]]) -> np.ndarray:
    """How slow each round was: the median over items of its visit over the item's own median.

    The k-th visit of an item belongs to round k; only rounds that every item took part in count.
    """
    common = min(len(seen) for seen in visits.values())
    times = np.array([[one.statistic for one in seen[:common]] for seen in visits.values()])
    return np.median(times / np.median(times, axis=1, keepdims=True), axis=0)


def undisturbed(visits: Mapping[str, Sequence[Visit]]) -> Visits:
    """The visits of fast rounds only.

    Other work on the host comes and goes in spells of seconds and slows everything down by up to
    40 %. Rounds are interleaved, so a spell shows in all items at once, and the fast rounds are the
    same for all of them; at least four are kept. A later visit of an item that needed more rounds
    than others counts when it is as fast as its kept ones.
    """
    factors = round_factors(visits)
    fastest = np.sort(factors)[:NOTHING_LEARNED_BELOW][-1]
    keep = factors <= max(NEAR * np.quantile(factors, FAST), fastest)
    kept: Visits = {}
    for key, seen in visits.items():
        fast = [one for one, good in zip(seen, keep, strict=False) if good]
        limit = NEAR * float(np.median([one.statistic for one in fast]))
        later = [one for one in seen[len(keep) :] if one.statistic <= limit]
        kept[key] = [*fast, *later]
    return kept
