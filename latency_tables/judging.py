"""Judge a table's predictions of measured networks; no measuring happens here."""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct, structs

from latency_tables.entry import Entry
from latency_tables.fitting import Features, features, fit_coefficients, fit_macs
from latency_tables.measure import now
from latency_tables.networks import Session
from latency_tables.report import CheckedNetwork, CheckReport, Elsewhere, figures
from latency_tables.signature import Placed
from latency_tables.statistics import Numbers, mape
from latency_tables.table import Calibration, LatencyTable
from proxyless_nas.blocks import Skip
from proxyless_nas.network import NetworkSpec


class Sampled(Struct, frozen=True):
    """A network that was drawn to be measured, and what for: fit, test, or another width."""

    role: str
    options: tuple[int, ...]
    spec: NetworkSpec

    @property
    def placed(self) -> list[Placed]:
        """Its blocks on their inputs."""
        return [(block, shape) for _, block, shape in self.spec.placed()]

    @property
    def depth(self) -> int:
        """Number of blocks that compute something."""
        return sum(not isinstance(block, Skip) for block in self.spec.blocks)


class _Lines(Struct, frozen=True):
    """Predictors that were fitted on some networks."""

    a: float
    b: float
    c: float
    d: float
    slope: float
    start: float

    @classmethod
    def fit(
        cls, given: Sequence[Features], truth: Numbers, halves: np.ndarray, table: LatencyTable
    ) -> "_Lines":
        noise, call_ms = float(np.mean(halves)), table.head.empty_ms
        least = min(map(table.work_ms, table.entries.values()))
        fitted = fit_coefficients(given, truth, noise, call_ms, least)
        return cls(*fitted, *fit_macs(given, truth))

    def calibrated(self, given: Sequence[Features]) -> np.ndarray:
        found = (
            self.a * f.work_ms + self.b * f.calls + self.c * f.weight_mb + self.d for f in given
        )
        return np.array(list(found))

    def by_macs(self, given: Sequence[Features]) -> np.ndarray:
        return np.array([self.slope * f.macs + self.start for f in given])


def judge(
    table: LatencyTable,
    sampled: Sequence[Sampled],
    session: Session,
    seen: Mapping[str, Entry],
    seed: int,
) -> CheckReport:
    """Fit on the networks of role `fit`, judge on those of role `test`, and on the others.

    `seen` are entries from the same session: those that the table has tell how fast the device
    runs now, the others stand in for what the table lacks.
    """
    drift = float(np.median([seen[key].ms / entry.ms for key, entry in table.entries.items()]))
    lacking = {k: e.at_speed(1 / drift) for k, e in seen.items() if k not in table.entries}
    whole = structs.replace(table, entries=table.entries | lacking)
    given = [features(whole, one.placed) for one in sampled]
    truth = np.array([one.p10_ms for one in session.networks]) / drift
    halves = np.array([one.halves for one in session.networks])
    roles = [one.role for one in sampled]
    fit, test = (np.flatnonzero([role == name for role in roles]) for name in ("fit", "test"))
    lines = _Lines.fit([given[i] for i in fit], truth[fit], halves[fit], table)
    calibrated, by_macs = lines.calibrated(given), lines.by_macs(given)
    raw = np.array([one.raw_ms for one in given])
    one_call = np.array([one.work_ms for one in given]) + table.head.empty_ms
    pairs = (("raw", raw), ("one", one_call), ("calibrated", calibrated), ("macs", by_macs))
    judged = {name: figures(values[test], truth[test]) for name, values in pairs}
    noise = float(np.mean(halves[test]))
    date = now()
    calibration = Calibration(
        a=lines.a,
        b=lines.b,
        c=lines.c,
        d=lines.d,
        fit=len(fit),
        test=len(test),
        raw_mape=judged["raw"].mape,
        mape=judged["calibrated"].mape,
        macs_mape=judged["macs"].mape,
        noise_floor=noise,
        date=date,
    )

    def elsewhere(name: str, where: np.ndarray, predictors: _Lines) -> Elsewhere:
        chosen = [given[i] for i in where]
        return Elsewhere(
            name=name,
            networks=len(where),
            calibrated=figures(predictors.calibrated(chosen), truth[where]),
            macs_line=figures(predictors.by_macs(chosen), truth[where]),
            noise_floor=float(np.mean(halves[where])),
        )

    others = [
        elsewhere(f"at {role}", np.flatnonzero([r == role for r in roles]), lines)
        for role in dict.fromkeys(roles)
        if role not in ("fit", "test")
    ]
    deeper = _deeper(np.array([one.depth for one in sampled]), fit, test)
    if deeper is not None:
        shallow, deep = deeper
        shallow_lines = _Lines.fit(
            [given[i] for i in shallow], truth[shallow], halves[shallow], table
        )
        others.append(elsewhere("deeper than fit", deep, shallow_lines))
    rows = tuple(
        CheckedNetwork(
            role=one.role,
            options=one.options,
            blocks=one.depth,
            macs=given[i].macs,
            weight_mb=given[i].weight_mb,
            raw_ms=given[i].raw_ms,
            work_ms=float(one_call[i]),
            calibrated_ms=float(calibrated[i]),
            macs_ms=float(by_macs[i]),
            truth_ms=float(truth[i]),
            measured=session.networks[i],
        )
        for i, one in enumerate(sampled)
    )
    return CheckReport(
        table=table.path,
        space=table.head.identity.space,
        date=date,
        seed=seed,
        drift=drift,
        sentinel_drift=session.sentinel_ms / (table.head.sentinel_ms or session.sentinel_ms),
        contended=session.contended,
        calibration=calibration,
        raw=judged["raw"],
        one_call=judged["one"],
        calibrated=judged["calibrated"],
        macs_line=judged["macs"],
        noise_floor=noise,
        mape_undivided=mape(calibrated[test], truth[test] * drift),
        networks=rows,
        elsewhere=tuple(others),
    )


def _deeper(
    depth: np.ndarray, fit: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """As many of the shallowest networks as were fitted on, and all that are deeper than those.

    None where no network is deeper.
    """
    both = np.concatenate([fit, test])
    order = both[np.argsort(depth[both], kind="stable")]
    shallow = order[: len(fit)]
    deep = order[depth[order] > depth[shallow].max()]
    return (shallow, deep) if len(deep) >= 2 else None
