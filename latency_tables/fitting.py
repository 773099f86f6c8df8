"""Fit the few coefficients that turn a sum of entries into the latency of a network."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from latency_tables.signature import Placed
from latency_tables.statistics import Numbers, relative_least_squares
from latency_tables.table import MEGABYTE, LatencyTable

LEAST_FIT = 5  # networks: four coefficients and one to spare
B_MAY_BE, C_MAY_BE, D_MAY_BE = 0.1, 0.1, 0.02  # parts of a network's latency


class Features(Struct, frozen=True):
    """What a network is predicted from; `work_ms` is the sum without the empty calls.

    `calls` counts the entries that were measured with a call around them.
    """

    raw_ms: float
    work_ms: float
    calls: int
    weight_mb: float
    macs: int


def features(table: LatencyTable, placed: Sequence[Placed]) -> Features:
    """Sums over a network's blocks, without any calibration."""
    entries = table.entries_of(placed)
    return Features(
        raw_ms=sum(entry.ms for entry in entries),
        work_ms=sum(table.work_ms(entry) for entry in entries),
        calls=len(entries) if table.head.identity.context == "alone" else 0,
        weight_mb=sum(entry.weight_bytes for entry in entries) / MEGABYTE,
        macs=sum(layer.macs for block, shape in placed for layer in block.layers("", shape)),
    )


def fit_coefficients(
    given: Sequence[Features],
    truth_ms: Numbers,
    noise: float = 0.0,
    call_ms: float = 0.0,
    least_ms: float = float("inf"),
) -> tuple[float, float, float, float]:
    """(a, b, c, d) of truth = a * work + b * calls + c * weight MB + d, by least squares.

    The error is relative. Networks of similar latency do not tell a from d, so a small error of the
    measurement becomes a large one for networks that are deeper or shallower. `noise` is that
    relative error; the larger it is, the more it counts that a network is expected to cost one
    call, `call_ms`, give or take 2 % of its latency, and nothing for its weights and for calls
    beyond the empty ones, give or take 10 % for each. Without noise nothing is expected.

    A megabyte with a negative price would be noise that search could exploit: c is then 0 and the
    others are fitted again; so is b where no entry contains a call, and where it would price an
    entry whose work is `least_ms` below nothing.
    """
    columns = {
        "a": [one.work_ms for one in given],
        "b": [float(one.calls) for one in given],
        "c": [one.weight_mb for one in given],
        "d": [1.0] * len(given),
    }
    usual = float(np.mean(truth_ms))
    trust = {
        "b": noise * float(np.mean(columns["b"])) / (B_MAY_BE * usual),
        "c": noise * float(np.mean(columns["c"])) / (C_MAY_BE * usual),
        "d": noise / (D_MAY_BE * usual),
    }
    expected = {"b": 0.0, "c": 0.0, "d": call_ms}
    left = [name for name in columns if any(columns[name])]
    while True:
        beliefs = [
            ([trust[name] * (name == other) for other in left], trust[name] * expected[name])
            for name in left
            if name != "a"
        ]
        fitted = relative_least_squares([columns[name] for name in left], truth_ms, beliefs)
        found = dict.fromkeys(columns, 0.0) | dict(zip(left, fitted, strict=True))
        if found["c"] < 0:
            left.remove("c")
        elif found["b"] < 0 and found["a"] * least_ms + found["b"] < 0:
            left.remove("b")
        else:
            return found["a"], found["b"], found["c"], found["d"]


def fit_macs(given: Sequence[Features], truth_ms: Numbers) -> tuple[float, float]:
    """(slope, start) of truth = slope * MACs + start: what one would know without a table."""
    macs = [float(one.macs) for one in given]
    slope, start = relative_least_squares([macs, np.ones(len(given))], truth_ms)
    return slope, start
