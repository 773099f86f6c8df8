"""Measure the blocks of a space into a table; an interrupted run continues where it stopped."""

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from msgspec import structs

from latency_tables.devices import fingerprint, load_average
from latency_tables.head import Head, Identity
from latency_tables.items import EMPTY_BLOCK, SENTINEL_BLOCK, block_call
from latency_tables.journal import Journal, journal_path
from latency_tables.progress import visits_bar, watched
from latency_tables.protocol import (
    EMPTY,
    SENTINEL,
    Call,
    Clock,
    Protocol,
    Visit,
    Visits,
    contention,
    cpu_and_wall,
    finished,
    keep_busy,
    measure_items,
    visit,
)
from latency_tables.runtimes import AnyRuntime, OnnxRuntime
from latency_tables.signature import Placed, signature
from latency_tables.spells import undisturbed
from latency_tables.table import LatencyTable, entry_of, p10_ms
from proxyless_nas.blocks import Skip
from proxyless_nas.space import Space

SENTINEL_MAY_MOVE = 0.10

Prepare = Callable[[Placed], Call]


def measure_space(
    space: Space,
    out: str | Path,
    *,
    runtime: AnyRuntime | None = None,
    protocol: Protocol | None = None,
    seed: int = 0,
    extra: Sequence[Placed] = (),
    fresh: bool = False,
    show: bool = True,
    clock: Clock = cpu_and_wall,
    prepare: Prepare | None = None,
) -> LatencyTable:
    """Time every block of `space`, and the `extra` ones, on this machine; write the table to `out`.

    Entries that a table at `out` has already are kept, and so are the visits in its journal: a
    killed run continues. `fresh` drops both. `clock` and `prepare` (block -> callable) stand in
    for the real ones in tests; `seed` only shuffles.

    Raises ValueError when the table at `out` was made on another machine, runtime, space or
    protocol, or when the machine is now more than 10 % faster or slower than it was then.
    """
    runtime, protocol = runtime or OnnxRuntime(), protocol or Protocol()
    wanted = {
        signature(*placed): placed
        for placed in (*space.blocks(), *extra)
        if not isinstance(placed[0], Skip)
    }
    identity = Identity(space.name, fingerprint(), runtime.info(), protocol)
    if fresh:
        Path(out).unlink(missing_ok=True)
        journal_path(out).unlink(missing_ok=True)
    table = _table_so_far(out, identity)
    missing = {k: placed for k, placed in wanted.items() if not table or k not in table.entries}
    if table is not None and not missing:
        journal_path(out).unlink(missing_ok=True)
        return table
    if table is None:
        missing[EMPTY] = EMPTY_BLOCK

    journal = Journal(journal_path(out), identity, load_average())
    try:
        make = prepare or (lambda placed: block_call(placed, runtime))
        sentinel = make(SENTINEL_BLOCK)
        _check_speed(journal, table, sentinel, protocol, clock)
        calls = _calls(missing, journal.visits, protocol, make, show)
        before = {key: journal.visits.get(key, []) for key in missing}
        before[SENTINEL] = journal.visits.get(SENTINEL, [])
        with visits_bar({key: before[key] for key in missing}, protocol, show) as count:

            def record(seen: Visit) -> None:
                journal.append(seen)
                count(seen)

            generator = np.random.default_rng(seed)
            visits = measure_items(
                calls, sentinel, protocol, generator, clock=clock, before=before, record=record
            )
        table = _table(identity, visits, journal.load, table).save(out)
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
            f"{out} holds a table of another {' and '.join(other)}; choose another --out, "
            "or --fresh to replace it"
        )
    return table


def _check_speed(
    journal: Journal, table: LatencyTable | None, sentinel: Call, protocol: Protocol, clock: Clock
) -> None:
    """Old and new numbers may stand together only if the machine still runs at its old speed."""
    old = journal.visits.get(SENTINEL)
    then = p10_ms(undisturbed({SENTINEL: old})[SENTINEL]) if old else None
    expected = table.head.sentinel_ms if table is not None else then
    if expected is None:
        return
    now = _sentinel_now(sentinel, expected, protocol, clock)
    if table is not None and _moved(now, table.head.sentinel_ms):
        raise ValueError(
            f"{table.path} was measured with the sentinel at {table.head.sentinel_ms:.4f} ms, now "
            f"it takes {now:.4f} ms; wait for a calmer machine, or --fresh to measure all anew"
        )
    if then is not None and _moved(now, then):
        journal.restart(f"the sentinel moved from {then:.4f} to {now:.4f} ms")


def _sentinel_now(sentinel: Call, expected_ms: float, protocol: Protocol, clock: Clock) -> float:
    """Its p10 in ms; `spread_s` seconds are given for a slow spell to end."""
    keep_busy(sentinel, protocol.burn_in_s, clock)
    patience_ends = clock()[1] + protocol.spread_s * 1e9
    while True:
        visits = [visit(SENTINEL, sentinel, protocol, clock) for _ in range(protocol.min_visits)]
        now = p10_ms(visits)
        if not _moved(now, expected_ms) or clock()[1] >= patience_ends:
            return now


def _moved(now_ms: float, expected_ms: float) -> bool:
    return abs(now_ms / expected_ms - 1) > SENTINEL_MAY_MOVE


def _calls(
    missing: dict[str, Placed], before: Visits, protocol: Protocol, make: Prepare, show: bool
) -> dict[str, Call]:
    """A callable per block; blocks that are finished already are not built."""

    def never() -> None:
        raise AssertionError("a finished item is not called")

    return {
        key: never if finished(before.get(key, []), protocol) else make(missing[key])
        for key in watched("building", list(missing), show)
    }


def _table(
    identity: Identity, visits: Visits, load_before: float, table: LatencyTable | None
) -> LatencyTable:
    """The visits as a table, or added to one at that table's speed."""
    visits = undisturbed(visits)
    sentinel = visits[SENTINEL]
    fresh = {key: seen for key, seen in visits.items() if key not in (SENTINEL, EMPTY)}
    reason = contention((one for seen in fresh.values() for one in seen), sentinel)
    entries = {key: entry_of(key, seen) for key, seen in fresh.items()}
    sentinel_ms = p10_ms(sentinel)
    if table is None:
        empty_ms = p10_ms(visits[EMPTY])
    else:
        factor = table.head.sentinel_ms / sentinel_ms
        entries = table.entries | {k: entry.at_speed(factor) for k, entry in entries.items()}
        empty_ms = table.head.empty_ms
        sentinel_ms, reason = table.head.sentinel_ms, table.head.reason or reason
    head = Head(
        identity=identity,
        date=now(),
        load_before=load_before,
        load_after=load_average(),
        sentinel_ms=sentinel_ms,
        empty_ms=empty_ms,
        contended=reason is not None,
        reason=reason,
    )
    if table is None:
        return LatencyTable(head, entries)
    return structs.replace(table, head=head, entries=entries)


def now() -> str:
    """The date and time, to the second, with its zone."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
