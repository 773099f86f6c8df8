"""Measure the blocks of a space into a table; an interrupted run continues where it stopped."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec import structs

from latency_tables.context import before_key, before_models, in_context
from latency_tables.devices import AnyDevice, RemoteDevice
from latency_tables.entry import Entry, difference, entry_of, p10_ms
from latency_tables.head import Context, Granularity, Head, Identity
from latency_tables.items import EMPTY_BLOCK, sentinel_call
from latency_tables.journal import Journal, journal_path
from latency_tables.model import Model
from latency_tables.parts import AnyPart, block_model, different_parts, parse_part
from latency_tables.progress import visits_bar, watched
from latency_tables.protocol import (
    EMPTY,
    SENTINEL,
    Protocol,
    Visit,
    Visits,
    contention,
    finished,
    measure_items,
)
from latency_tables.runtimes import OnnxRuntime, Runtime
from latency_tables.signature import Placed
from latency_tables.speed import check_speed
from latency_tables.spells import undisturbed
from latency_tables.stopwatch import Call
from latency_tables.table import LatencyTable
from proxyless_nas.space import Space


def measure_space(
    space: Space,
    out: str | Path,
    *,
    runtime: Runtime | None = None,
    protocol: Protocol | None = None,
    batch: int = 1,
    granularity: Granularity = "block",
    context: Context | None = None,
    seed: int = 0,
    extra: Sequence[Placed] = (),
    fresh: bool = False,
    attempts: int = 1,
    show: bool = True,
) -> LatencyTable:
    """Time every block of `space`, and the `extra` ones, and write the table to `out`.

    Entries that a table at `out` has already are kept, and so are the visits in its journal: a
    killed run continues. `fresh` drops both. A table that turns out contended is measured anew,
    with all its entries, up to `attempts` times in all; the last one is kept. `context` is by
    default "alone", for int8 "chained". `seed` only shuffles.

    Raises ValueError when the table at `out` was made on another device, runtime, space or
    protocol, or when the device is now more than 10 % faster or slower than it was then.
    """
    return measure_parts(
        different_parts((*space.blocks(), *extra), granularity), space.name, out, runtime=runtime,
        protocol=protocol, batch=batch, granularity=granularity, context=context, seed=seed,
        fresh=fresh, attempts=attempts, show=show,
    )  # fmt: skip


def measure_parts(
    wanted: Mapping[str, AnyPart],
    name: str,
    out: str | Path,
    *,
    runtime: Runtime | None = None,
    protocol: Protocol | None = None,
    batch: int = 1,
    granularity: Granularity = "layer",
    context: Context | None = None,
    seed: int = 0,
    fresh: bool = False,
    attempts: int = 1,
    show: bool = True,
) -> LatencyTable:
    """`measure_space` for any parts of one granularity, by key; `name` says what they belong to."""
    runtime = runtime or OnnxRuntime()
    identity = identity_of(name, runtime, protocol, batch, granularity, context)
    while True:
        if fresh:
            Path(out).unlink(missing_ok=True)
            journal_path(out).unlink(missing_ok=True)
        table = _measure_once(wanted, out, identity, runtime, seed, show)
        attempts -= 1
        if not table.head.contended or attempts < 1:
            return table
        wanted = {key: parse_part(key) for key in table.entries}
        fresh = True


def identity_of(
    space: str,
    runtime: Runtime,
    protocol: Protocol | None = None,
    batch: int = 1,
    granularity: Granularity = "block",
    context: Context | None = None,
) -> Identity:
    """What a table says of itself when it is measured now with these."""
    protocol = structs.replace(protocol or Protocol(), clock=runtime.stopwatch().name)
    if context is None:
        context = "chained" if runtime.dtype == "int8" else "alone"
    return Identity(
        space=space,
        device=runtime.device(),
        runtime=runtime.info(),
        protocol=protocol,
        threads=runtime.threads,
        batch=batch,
        dtype=runtime.dtype,
        granularity=granularity,
        context=context,
    )


def items_of(parts: Iterable[AnyPart], context: Context, batch: int) -> dict[str, Model]:
    """What must be timed for some entries: the parts, and what stands before them, if anything."""
    parts = list(parts)
    if context == "alone":
        return {part.key: part.model(batch) for part in parts}
    return {part.key: in_context(part, batch) for part in parts} | before_models(parts, batch)


def entries_from(
    visits: Mapping[str, list[Visit]], parts: Mapping[str, AnyPart], context: Context
) -> dict[str, Entry]:
    """The visits of some items as entries."""
    entries: dict[str, Entry] = {}
    before: dict[str, Entry] = {}
    for key, part in parts.items():
        entry = entry_of(part, visits[key])
        if context != "alone":
            name = before_key(part.input)
            if name not in before:
                before[name] = entry_of(part, visits[name])
            entry = difference(entry, before[name])
        entries[key] = entry
    return entries


def _measure_once(
    wanted: Mapping[str, AnyPart],
    out: str | Path,
    identity: Identity,
    runtime: Runtime,
    seed: int,
    show: bool,
) -> LatencyTable:
    protocol = identity.protocol
    assert protocol is not None
    table = _table_so_far(out, identity)
    missing = {k: part for k, part in wanted.items() if not table or k not in table.entries}
    if table is not None and not missing:
        journal_path(out).unlink(missing_ok=True)
        return table
    models = items_of(missing.values(), identity.context, identity.batch)
    if table is None:
        models[EMPTY] = block_model(EMPTY_BLOCK, identity.batch)

    journal = Journal(journal_path(out), identity, runtime.load())
    try:
        stopwatch = runtime.stopwatch()
        sentinel = sentinel_call(runtime)
        check_speed(journal, table, sentinel, protocol, stopwatch)
        calls = _calls(models, journal.visits, protocol, runtime, show)
        before = {key: journal.visits.get(key, []) for key in models}
        before[SENTINEL] = journal.visits.get(SENTINEL, [])
        with visits_bar({key: before[key] for key in models}, protocol, show) as count:

            def record(seen: Visit) -> None:
                journal.append(seen)
                count(seen)

            generator = np.random.default_rng(seed)
            visits = measure_items(
                calls,
                sentinel,
                protocol,
                generator,
                stopwatch=stopwatch,
                before=before,
                record=record,
            )
        load = (journal.load, runtime.load())
        table = _table(identity, visits, missing, load, table).save(out)
    except BaseException:
        journal.close()
        raise
    journal.remove()
    return table


def _table_so_far(out: str | Path, identity: Identity) -> LatencyTable | None:
    if not Path(out).exists():
        return None
    table = LatencyTable.load(out, allow_contended=True)
    other = table.head.identity.differences(identity)
    if other:
        raise ValueError(
            f"{out} holds a table of another {' and '.join(other)}; choose another file, "
            "or delete this one to measure anew"
        )
    return table


def _calls(
    models: dict[str, Model], before: Visits, protocol: Protocol, runtime: Runtime, show: bool
) -> dict[str, Call]:
    """A callable per item; items that are finished already are not built."""

    def never() -> None:
        raise AssertionError("a finished item is not called")

    return {
        key: never if finished(before.get(key, []), protocol) else runtime.prepare(models[key])
        for key in watched("building", list(models), show)
    }


def _table(
    identity: Identity,
    visits: Visits,
    parts: dict[str, AnyPart],
    load: tuple[float | None, float | None],
    table: LatencyTable | None,
) -> LatencyTable:
    """The visits as a table, or added to one at that table's speed."""
    visits = undisturbed(visits)
    sentinel = visits[SENTINEL]
    timed = (one for key, seen in visits.items() if key != SENTINEL for one in seen)
    entries = entries_from(visits, parts, identity.context)
    reason = _no_device(identity.device) or contention(timed, sentinel)
    head = Head(
        identity=identity,
        date=now(),
        load_before=load[0],
        load_after=load[1],
        sentinel_ms=p10_ms(sentinel),
        empty_ms=p10_ms(visits[EMPTY]) if table is None else table.head.empty_ms,
        contended=reason is not None,
        reason=reason,
    )
    new = LatencyTable(head, entries)
    return new if table is None else table.merged(new)


def _no_device(device: AnyDevice) -> str | None:
    """Why times on this device mean nothing, if they do not."""
    if isinstance(device, RemoteDevice) and device.emulated:
        return "the device is emulated: its times are those of the emulator"
    return None


def now() -> str:
    """The date and time, to the second, with its zone."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
