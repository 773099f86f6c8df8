"""Check a table against whole networks: sample, measure, calibrate on some, judge on the others."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct, structs

from latency_tables.devices import fingerprint
from latency_tables.measure import now
from latency_tables.networks import Session, measure_session
from latency_tables.report import CheckedNetwork, CheckReport, figures
from latency_tables.runtimes import AnyRuntime, OnnxRuntime
from latency_tables.sampling import sample_options
from latency_tables.signature import parse_signature
from latency_tables.statistics import Numbers, mape, relative_least_squares
from latency_tables.table import MEGABYTE, Calibration, LatencyTable
from proxyless_nas.blocks import Skip
from proxyless_nas.files import write_json
from proxyless_nas.network import NetworkSpec
from proxyless_nas.space import Space
from proxyless_nas.spaces import named_space

LEAST_FIT = 4  # networks: three coefficients and one to spare


class Features(Struct, frozen=True):
    """What a network is predicted from; `work_ms` is the sum of p10 less the empty call."""

    raw_ms: float
    work_ms: float
    weight_mb: float
    macs: int


def features(table: LatencyTable, spec: NetworkSpec) -> Features:
    """Sums over the network's blocks, without any calibration."""
    entries = [table.entry(b, shape) for _, b, shape in spec.placed() if not isinstance(b, Skip)]
    return Features(
        raw_ms=sum(entry.p10_ms for entry in entries),
        work_ms=sum(table.work_ms(entry) for entry in entries),
        weight_mb=sum(entry.weight_bytes for entry in entries) / MEGABYTE,
        macs=spec.macs,
    )


def fit_coefficients(given: Sequence[Features], truth_ms: Numbers) -> tuple[float, float, float]:
    """(a, c, d) of truth = a * work + c * weight MB + d, by least squares on the relative error.

    A megabyte with a negative price would be noise that search could exploit: c is then 0 and the
    other two are fitted again.
    """
    total = [one.work_ms for one in given]
    weight = [one.weight_mb for one in given]
    ones = np.ones(len(given))
    a, c, d = relative_least_squares([total, weight, ones], truth_ms)
    if c < 0:
        a, d = relative_least_squares([total, ones], truth_ms)
        c = 0.0
    return a, c, d


def check_table(
    path: str | Path,
    *,
    fit: int = 12,
    test: int = 30,
    visits: int = 20,
    seed: int = 0,
    out: str | Path | None = None,
    space: Space | None = None,
    runtime: AnyRuntime | None = None,
    show: bool = True,
) -> CheckReport:
    """Measure `fit` + `test` different networks of the table's space, whole, beside its blocks.

    Writes the calibration into the table and the report beside it (`out`, by default
    `<table>.check.json`). `space` is needed only where it is not a named one. ValueError when the
    table is of another machine or runtime version, or the space has too few networks.
    """
    if fit < LEAST_FIT or test < 2:
        raise ValueError(f"--fit {fit} --test {test}: needs at least {LEAST_FIT} and 2 networks")
    table = LatencyTable.load(path)
    runtime = runtime or OnnxRuntime()
    _check_same_machine(table, runtime)
    space = space or named_space(table.head.identity.space)
    options = sample_options(space, fit + test, seed)
    specs = [space.network(choice, f"{space.name}-{i}") for i, choice in enumerate(options)]
    given = [features(table, spec) for spec in specs]
    session = measure_session(
        specs,
        [parse_signature(key) for key in table.entries],
        visits=visits,
        runtime=runtime,
        protocol=table.head.identity.protocol,
        seed=seed,
        show=show,
    )
    report = judge(table, specs, options, given, session, fit, seed)
    structs.replace(table, calibration=report.calibration).save(path)
    write_json(out or f"{path}.check.json", report)
    return report


def judge(
    table: LatencyTable,
    specs: Sequence[NetworkSpec],
    options: Sequence[tuple[int, ...]],
    given: Sequence[Features],
    session: Session,
    fit: int,
    seed: int,
) -> CheckReport:
    """Fit on the first `fit` networks, judge on the rest; no measuring happens here."""
    drift = float(np.median([v / table.entries[key].p10_ms for key, v in session.blocks.items()]))
    raw = np.array([one.raw_ms for one in given])
    work = np.array([one.work_ms for one in given])
    weight = np.array([one.weight_mb for one in given])
    macs = np.array([float(one.macs) for one in given])
    truth = np.array([one.p10_ms for one in session.networks]) / drift
    a, c, d = fit_coefficients(given[:fit], truth[:fit])
    calibrated = a * work + c * weight + d
    slope, start = relative_least_squares([macs[:fit], np.ones(fit)], truth[:fit])
    by_macs = slope * macs + start
    noise = float(np.mean([one.halves for one in session.networks[fit:]]))
    one_call = work + table.head.empty_ms
    pairs = (("raw", raw), ("one", one_call), ("calibrated", calibrated), ("macs", by_macs))
    judged = {name: figures(values[fit:], truth[fit:]) for name, values in pairs}
    date = now()
    calibration = Calibration(
        a=a,
        c=c,
        d=d,
        fit=fit,
        test=len(specs) - fit,
        raw_mape=judged["raw"].mape,
        mape=judged["calibrated"].mape,
        macs_mape=judged["macs"].mape,
        noise_floor=noise,
        date=date,
    )
    rows = tuple(
        CheckedNetwork(
            role="fit" if i < fit else "test",
            options=options[i],
            blocks=sum(not isinstance(block, Skip) for block in specs[i].blocks),
            macs=given[i].macs,
            weight_mb=given[i].weight_mb,
            raw_ms=given[i].raw_ms,
            work_ms=float(one_call[i]),
            calibrated_ms=float(calibrated[i]),
            macs_ms=float(by_macs[i]),
            truth_ms=float(truth[i]),
            measured=session.networks[i],
        )
        for i in range(len(specs))
    )
    return CheckReport(
        table=table.path,
        space=table.head.identity.space,
        date=date,
        seed=seed,
        drift=drift,
        sentinel_drift=session.sentinel_ms / table.head.sentinel_ms,
        contended=session.contended,
        calibration=calibration,
        raw=judged["raw"],
        one_call=judged["one"],
        calibrated=judged["calibrated"],
        macs_line=judged["macs"],
        noise_floor=noise,
        mape_undivided=mape(calibrated[fit:], truth[fit:] * drift),
        networks=rows,
    )


def _check_same_machine(table: LatencyTable, runtime: AnyRuntime) -> None:
    identity = table.head.identity
    here = fingerprint()
    if not identity.device.same_cpu(here):
        raise ValueError(
            f"{table.path} was measured on {identity.device}, this is {here}: check it there"
        )
    if identity.runtime != runtime.info():
        was, is_ = identity.runtime, runtime.info()
        raise ValueError(
            f"{table.path} was measured with {was.name} {was.version}, this is {is_.name} "
            f"{is_.version}: measure the table again"
        )
