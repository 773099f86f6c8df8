"""Fit the few coefficients that turn a sum of entries into the latency of a network."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from latency_tables.signature import Placed
from latency_tables.statistics import Numbers, relative_least_squares
from latency_tables.table import MEGABYTE, LatencyTable

LEAST_FIT = 4  # networks: three coefficients and one to spare
D_MAY_BE, C_MAY_BE = 0.02, 0.1  # parts of a network's latency: see `fit_coefficients`


class Features(Struct, frozen=True):
    """What a network is predicted from; `work_ms` is the sum without the empty calls."""

    raw_ms: float
    work_ms: float
    weight_mb: float
    macs: int


def features(table: LatencyTable, placed: Sequence[Placed]) -> Features:
    """Sums over a network's blocks, without any calibration."""
    entries = table.entries_of(placed)
    return Features(
        raw_ms=sum(entry.ms for entry in entries),
        work_ms=sum(table.work_ms(entry) for entry in entries),
        weight_mb=sum(entry.weight_bytes for entry in entries) / MEGABYTE,
        macs=sum(layer.macs for block, shape in placed for layer in block.layers("", shape)),
    )


def fit_coefficients(
    given: Sequence[Features], truth_ms: Numbers, noise: float = 0.0, call_ms: float = 0.0
) -> tuple[float, float, float]:
    """(a, c, d) of truth = a * work + c * weight MB + d, by least squares on the relative error.

    Networks of similar latency do not tell a from d, so a small error of the measurement becomes a
    large one for networks that are deeper or shallower. `noise` is that relative error; the larger
    it is, the more it counts that a network is expected to cost one call, `call_ms`, give or take
    2 % of its latency, and nothing for its weights, give or take 10 %. Without noise nothing is
    expected.

    A megabyte with a negative price would be noise that search could exploit: c is then 0 and the
    other two are fitted again.
    """
    total = [one.work_ms for one in given]
    weight = [one.weight_mb for one in given]
    ones = np.ones(len(given))
    usual, megabytes = float(np.mean(truth_ms)), float(np.mean(weight))
    trust = noise / (D_MAY_BE * usual)
    about_d = ((0.0, 0.0, trust), trust * call_ms)
    about_c = ((0.0, noise * megabytes / (C_MAY_BE * usual), 0.0), 0.0)
    a, c, d = relative_least_squares([total, weight, ones], truth_ms, [about_d, about_c])
    if c < 0:
        a, d = relative_least_squares([total, ones], truth_ms, [((0.0, trust), trust * call_ms)])
        c = 0.0
    return a, c, d


def fit_macs(given: Sequence[Features], truth_ms: Numbers) -> tuple[float, float]:
    """(slope, start) of truth = slope * MACs + start: what one would know without a table."""
    macs = [float(one.macs) for one in given]
    slope, start = relative_least_squares([macs, np.ones(len(given))], truth_ms)
    return slope, start
