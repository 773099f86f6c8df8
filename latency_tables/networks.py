"""Time whole networks on this machine, interleaved with each other and with the sentinel."""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct, structs

from latency_tables.entry import p10_ms
from latency_tables.items import AnyModel, network_model, network_name, sentinel_call
from latency_tables.model import Model
from latency_tables.progress import visits_bar, watched
from latency_tables.protocol import (
    SENTINEL,
    Protocol,
    Visit,
    Visits,
    contention,
    measure_items,
)
from latency_tables.runtimes import OnnxRuntime, Runtime
from latency_tables.spells import undisturbed
from latency_tables.statistics import p10
from latency_tables.stopwatch import Call
from latency_tables.table import LatencyTable


class Measured(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole network's latency: quantiles over all calls of thread CPU time, in ms.

    `halves` is the relative disagreement of the p10 of its even and odd visits: what the
    measurement does not know. `sentinel_ms` is the machine's speed in this measurement, and
    `contended` says why the numbers deserve no trust, if they do not.
    """

    name: str
    p10_ms: float
    p50_ms: float
    p90_ms: float
    halves: float
    sentinel_ms: float
    visits: int
    calls: int
    contended: str | None

    def at_table_speed(self, table: LatencyTable) -> float:
        """p10 in ms as if measured when the table was: times table sentinel over sentinel now.

        ValueError for an imported table: it has no sentinel.
        """
        if table.head.sentinel_ms is None:
            raise ValueError(f"{table.path} was imported: its device cannot be compared with this")
        return self.p10_ms * table.head.sentinel_ms / self.sentinel_ms


class Session(Struct, frozen=True):
    """Networks and single items that were timed together, in the rounds that count."""

    networks: tuple[Measured, ...]
    visits: Visits
    sentinel_ms: float
    contended: str | None


def measure_networks(
    models: Sequence[AnyModel],
    *,
    visits: int = 12,
    runtime: Runtime | None = None,
    protocol: Protocol | None = None,
    batch: int = 1,
    seed: int = 0,
    show: bool = False,
) -> list[Measured]:
    """Time each model (a spec with random weights, ONNX bytes, or the path of an .onnx file).

    Every model gets the same number of `visits`, so that all see the same disturbances.
    """
    session = measure_session(
        models, {}, visits=visits, runtime=runtime, protocol=protocol, batch=batch, seed=seed,
        show=show,
    )  # fmt: skip
    return list(session.networks)


def measure_session(
    models: Sequence[AnyModel],
    items: Mapping[str, Model],
    *,
    visits: int = 12,
    runtime: Runtime | None = None,
    protocol: Protocol | None = None,
    batch: int = 1,
    seed: int = 0,
    show: bool = False,
) -> Session:
    """Time whole networks beside single items, in the same shuffled rounds."""
    runtime = runtime or OnnxRuntime()
    protocol = structs.replace(protocol or Protocol(), min_visits=visits, max_visits=visits)
    names = [network_name(model, index) for index, model in enumerate(models)]
    whole = {n: network_model(m, n, batch) for n, m in zip(names, models, strict=True)}
    both = whole | dict(items)
    calls = {name: runtime.prepare(both[name]) for name in watched("building", list(both), show)}
    seen = undisturbed(time_calls(calls, runtime, protocol, seed, show))
    speed = p10_ms(seen[SENTINEL])
    timed = [one for name in calls for one in seen[name]]
    reason = contention(timed, seen[SENTINEL])
    return Session(
        networks=tuple(measured(name, seen[name], speed, reason) for name in names),
        visits={key: seen[key] for key in items},
        sentinel_ms=speed,
        contended=reason,
    )


def time_calls(
    calls: Mapping[str, Call], runtime: Runtime, protocol: Protocol, seed: int, show: bool = True
) -> Visits:
    """Visit every call and the runtime's sentinel by the runtime's stopwatch, with a bar."""
    with visits_bar({name: [] for name in calls}, protocol, show) as count:
        return measure_items(
            calls,
            sentinel_call(runtime),
            protocol,
            np.random.default_rng(seed),
            stopwatch=runtime.stopwatch(),
            record=count,
        )


def measured(name: str, visits: list[Visit], sentinel_ms: float, reason: str | None) -> Measured:
    """Sum up the visits of one network."""
    calls = np.concatenate([seen.spent for seen in visits]) / 1e6
    low, middle, high = (float(q) for q in np.percentile(calls, [10, 50, 90]))
    even, odd = (p10(np.concatenate([seen.spent for seen in visits[start::2]])) for start in (0, 1))
    return Measured(
        name=name,
        p10_ms=low,
        p50_ms=middle,
        p90_ms=high,
        halves=abs(even - odd) / ((even + odd) / 2),
        sentinel_ms=sentinel_ms,
        visits=len(visits),
        calls=len(calls),
        contended=reason,
    )
