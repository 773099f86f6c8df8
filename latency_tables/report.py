"""What a check found: a struct that others read, and the lines that people read."""

import numpy as np
from msgspec import Struct

from latency_tables.networks import Measured
from latency_tables.statistics import Numbers, bias, kendall, mape, rmse, spearman
from latency_tables.table import Calibration


class Figures(Struct, frozen=True, forbid_unknown_fields=True):
    """Errors of one predictor: relative ones as fractions, rmse in ms, and rank agreement."""

    mape: float
    bias: float
    rmse_ms: float
    spearman: float
    kendall: float


class CheckedNetwork(Struct, frozen=True, forbid_unknown_fields=True):
    """One network: its options in the space, its predictions in ms, and its measurement.

    `role` is what it was used for: `fit`, `test`, or `width W`.

    `raw_ms` is the plain sum of p10, `work_ms` the sum without the calls around the blocks and
    with one call around the network.

    `truth_ms` is the measured p10 at table speed (divided by the drift); predictions are meant
    for that speed.
    """

    role: str
    options: tuple[int, ...]
    blocks: int
    macs: int
    weight_mb: float
    raw_ms: float
    work_ms: float
    calibrated_ms: float
    macs_ms: float
    truth_ms: float
    measured: Measured


class Elsewhere(Struct, frozen=True, forbid_unknown_fields=True):
    """How far a fit carries: errors on networks that are unlike those it was fitted on.

    Either networks of another width under the calibration itself, or the deeper ones under a
    calibration fitted on the shallowest.
    """

    name: str
    networks: int
    calibrated: Figures
    macs_line: Figures
    noise_floor: float


class CheckReport(Struct, frozen=True, forbid_unknown_fields=True):
    """A check of a table against whole networks; figures are over the test networks only.

    `drift` is the median of fresh block values over stored ones, `sentinel_drift` the same ratio
    of the sentinel alone. `mape_undivided` is the calibrated error if measurements are not
    divided by the drift.
    """

    table: str
    space: str
    date: str
    seed: int
    drift: float
    sentinel_drift: float
    contended: str | None
    calibration: Calibration
    raw: Figures
    one_call: Figures
    calibrated: Figures
    macs_line: Figures
    noise_floor: float
    mape_undivided: float
    networks: tuple[CheckedNetwork, ...]
    elsewhere: tuple[Elsewhere, ...] = ()


def figures(predicted: Numbers, truth: Numbers) -> Figures:
    """All errors of one predictor."""
    return Figures(
        mape=mape(predicted, truth),
        bias=bias(predicted, truth),
        rmse_ms=rmse(predicted, truth),
        spearman=spearman(predicted, truth),
        kendall=kendall(predicted, truth),
    )


def lines(report: CheckReport) -> list[str]:
    """The report for a terminal."""
    fit = report.calibration
    tested = [one for one in report.networks if one.role == "test"]
    truth = np.array([one.truth_ms for one in tested])
    return [
        f"{report.table}: space {report.space}, fitted on {fit.fit} whole networks, "
        f"tested on {fit.test} others",
        f"test networks take {truth.min():.3f} to {truth.max():.3f} ms; blocks run at "
        f"{report.drift:.3f} x their stored time (sentinel {report.sentinel_drift:.3f} x), "
        "measurements are divided by this drift",
        f"{fit.formula} (sum: entries without their empty calls)",
        "",
        f"{'':<20}{'MAPE':>8}{'bias':>9}{'RMSE us':>10}{'Spearman':>10}{'Kendall':>9}",
        _row("sum of entries", report.raw),
        _row("... and one call", report.one_call),
        _row("calibrated", report.calibrated),
        _row("line over MACs", report.macs_line),
        f"{'noise floor':<20}{report.noise_floor:>8.2%}   (even against odd visits of the same "
        "networks)",
        *(line for other in report.elsewhere for line in _elsewhere(other)),
        *([f"contended: {report.contended}"] if report.contended else []),
    ]


def _elsewhere(other: Elsewhere) -> list[str]:
    return [
        "",
        f"{other.networks} networks {other.name}, noise floor {other.noise_floor:.2%}",
        _row("calibrated", other.calibrated),
        _row("line over MACs", other.macs_line),
    ]


def _row(name: str, found: Figures) -> str:
    return (
        f"{name:<20}{found.mape:>8.2%}{found.bias:>+9.2%}{found.rmse_ms * 1000:>10.2f}"
        f"{found.spearman:>10.3f}{found.kendall:>9.3f}"
    )
