"""Check a table against whole networks: sample, measure, calibrate on some, judge on the others."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from latency_tables.fitting import LEAST_FIT
from latency_tables.judging import Sampled, judge
from latency_tables.measure import entries_from, items_of
from latency_tables.networks import measure_session
from latency_tables.parts import different_parts, parse_part
from latency_tables.report import CheckReport
from latency_tables.runtimes import Runtime, runtime_of
from latency_tables.sampling import sample_options
from latency_tables.shipped import table_file
from latency_tables.table import LatencyTable
from proxyless_nas.files import write_json
from proxyless_nas.space import Space
from proxyless_nas.spaces import named_space


def check_table(
    path: str | Path,
    *,
    fit: int = 12,
    test: int = 30,
    widths: Sequence[float] = (),
    per_width: int = 10,
    visits: int = 20,
    seed: int = 0,
    out: str | Path | None = None,
    space: Space | None = None,
    runtime: Runtime | None = None,
    allow_contended: bool = False,
    device: str | None = None,
    records: str | None = None,
    show: bool = True,
) -> CheckReport:
    """Measure `fit` + `test` different networks of the table's space, whole, beside its entries.

    For each of the `widths`, `per_width` networks of the space at that width are measured too, and
    the blocks that the table lacks: they are judged with the same calibration, and not kept.
    Writes the calibration into the table and the report beside it (`out`, by default
    `<table>.check.json`). `space` is needed only where it is not a named one. ValueError when the
    table is of another device or runtime version, or the space has too few networks. `device` and
    `records` are those of `runtimes.runtime_of`.
    """
    if fit < LEAST_FIT or test < 2:
        raise ValueError(f"--fit {fit} --test {test}: needs at least {LEAST_FIT} and 2 networks")
    table = LatencyTable.load(path, allow_contended)
    if not Path(path).exists():
        raise ValueError(f"{path} is a shipped table: copy {table_file(path)} and check the copy")
    identity = table.head.identity
    if table.head.source is not None:
        raise ValueError(f"{path} was imported from {table.head.source}: it cannot be checked here")
    runtime = runtime or runtime_of(identity, device, records)
    check_same_place(table, runtime)
    space = space or named_space(identity.space)
    sampled = _sample(space, fit + test, seed, "fit", "test", fit)
    for width in widths:
        other = named_space(f"{identity.space}-w{width:g}")
        sampled += _sample(other, per_width, seed, f"width {width:g}")
    parts = {key: parse_part(key) for key in table.entries}
    for one in sampled:
        parts |= different_parts(one.placed, identity.granularity)
    session = measure_session(
        [one.spec for one in sampled],
        items_of(parts.values(), identity.context, identity.batch),
        visits=visits,
        runtime=runtime,
        protocol=identity.protocol,
        batch=identity.batch,
        seed=seed,
        show=show,
    )
    report = judge(
        table, sampled, session, entries_from(session.visits, parts, identity.context), seed
    )
    structs.replace(table, calibration=report.calibration).save(path)
    write_json(out or f"{path}.check.json", report)
    return report


def _sample(
    space: Space, count: int, seed: int, role: str, later: str | None = None, first: int = 0
) -> list[Sampled]:
    """Different networks; those from `first` on play the `later` role, if there is one."""
    options = sample_options(space, count, seed)
    return [
        Sampled(
            role=later if later is not None and index >= first else role,
            options=choice,
            spec=space.network(choice, f"{space.name}-{index}"),
        )
        for index, choice in enumerate(options)
    ]


def check_same_place(table: LatencyTable, runtime: Runtime) -> None:
    """ValueError where a table was measured on another kind of device, or by another runtime."""
    identity, here = table.head.identity, runtime.device()
    if not identity.device.same_kind(here):
        raise ValueError(
            f"{table.path} was measured on {identity.device}, this is {here}: check it there"
        )
    if identity.runtime != runtime.info():
        was, is_ = identity.runtime, runtime.info()
        raise ValueError(
            f"{table.path} was measured with {was.name} {was.version} {was.options}, this is "
            f"{is_.name} {is_.version} {is_.options}: measure the table again"
        )
