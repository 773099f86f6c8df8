"""Time whole networks on this machine, interleaved with each other and with the sentinel."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct, structs

from latency_tables.items import AnyModel, block_call, network_call, network_name, sentinel_call
from latency_tables.progress import visits_bar, watched
from latency_tables.protocol import (
    SENTINEL,
    Call,
    Clock,
    Protocol,
    Visit,
    contention,
    cpu_and_wall,
    measure_items,
)
from latency_tables.runtimes import AnyRuntime, OnnxRuntime
from latency_tables.signature import Placed, signature
from latency_tables.spells import undisturbed
from latency_tables.statistics import p10
from latency_tables.table import LatencyTable, p10_ms


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
        """p10 in ms as if measured when the table was: times table sentinel over sentinel now."""
        return self.p10_ms * table.head.sentinel_ms / self.sentinel_ms


class Session(Struct, frozen=True):
    """Networks and single blocks that were timed together; block values are p10 in ms."""

    networks: tuple[Measured, ...]
    blocks: dict[str, float]
    sentinel_ms: float
    contended: str | None


def measure_networks(
    models: Sequence[AnyModel],
    *,
    visits: int = 12,
    runtime: AnyRuntime | None = None,
    protocol: Protocol | None = None,
    seed: int = 0,
    show: bool = False,
    clock: Clock = cpu_and_wall,
) -> list[Measured]:
    """Time each model (a spec with random weights, ONNX bytes, or the path of an .onnx file).

    Every model gets the same number of `visits`, so that all see the same disturbances.
    """
    session = measure_session(
        models, (), visits=visits, runtime=runtime, protocol=protocol, seed=seed, show=show,
        clock=clock,
    )  # fmt: skip
    return list(session.networks)


def measure_session(
    models: Sequence[AnyModel],
    blocks: Sequence[Placed],
    *,
    visits: int = 12,
    runtime: AnyRuntime | None = None,
    protocol: Protocol | None = None,
    seed: int = 0,
    show: bool = False,
    clock: Clock = cpu_and_wall,
) -> Session:
    """Time whole networks beside single blocks, in the same shuffled rounds."""
    runtime = runtime or OnnxRuntime()
    protocol = structs.replace(protocol or Protocol(), min_visits=visits, max_visits=visits)
    names = [network_name(model, index) for index, model in enumerate(models)]
    both = [*zip(names, models, strict=True), *((signature(*placed), placed) for placed in blocks)]
    calls: dict[str, Call] = {}
    for name, thing in watched("building", both, show):
        make = block_call if isinstance(thing, tuple) else network_call
        calls[name] = make(thing, runtime)  # type: ignore[arg-type]
    sentinel = sentinel_call(runtime)
    with visits_bar({name: [] for name in calls}, protocol, show) as count:
        seen = measure_items(
            calls,
            sentinel,
            protocol,
            np.random.default_rng(seed),
            clock=clock,
            record=count,
        )
    seen = undisturbed(seen)
    speed = p10_ms(seen[SENTINEL])
    timed = [one for name in calls for one in seen[name]]
    reason = contention(timed, seen[SENTINEL])
    return Session(
        networks=tuple(measured(name, seen[name], speed, reason) for name in names),
        blocks={signature(*placed): p10_ms(seen[signature(*placed)]) for placed in blocks},
        sentinel_ms=speed,
        contended=reason,
    )


def measured(name: str, visits: list[Visit], sentinel_ms: float, reason: str | None) -> Measured:
    """Sum up the visits of one network."""
    calls = np.concatenate([seen.cpu for seen in visits]) / 1e6
    low, middle, high = (float(q) for q in np.percentile(calls, [10, 50, 90]))
    even, odd = (p10(np.concatenate([seen.cpu for seen in visits[start::2]])) for start in (0, 1))
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
