"""Whether a machine still runs at the speed at which a table, or a journal, was begun."""

from latency_tables.entry import p10_ms
from latency_tables.journal import Journal
from latency_tables.protocol import SENTINEL, Protocol, keep_busy, visit
from latency_tables.spells import undisturbed
from latency_tables.stopwatch import Call, Stopwatch
from latency_tables.table import LatencyTable

SENTINEL_MAY_MOVE = 0.10


def check_speed(
    journal: Journal,
    table: LatencyTable | None,
    sentinel: Call,
    protocol: Protocol,
    stopwatch: Stopwatch,
) -> None:
    """Old and new numbers may stand together only if the machine still runs at its old speed."""
    old = journal.visits.get(SENTINEL)
    then = p10_ms(undisturbed({SENTINEL: old})[SENTINEL]) if old else None
    before = table.head.sentinel_ms if table is not None else None
    expected = before or then
    if expected is None:
        return
    now = _sentinel_now(sentinel, expected, protocol, stopwatch)
    if table is not None and before is not None and _moved(now, before):
        raise ValueError(
            f"{table.path} was measured with the sentinel at {before:.4f} ms, now "
            f"it takes {now:.4f} ms; wait for a calmer machine, or --fresh to measure all anew"
        )
    if then is not None and _moved(now, then):
        journal.restart(f"the sentinel moved from {then:.4f} to {now:.4f} ms")


def _sentinel_now(
    sentinel: Call, expected_ms: float, protocol: Protocol, stopwatch: Stopwatch
) -> float:
    """Its p10 in ms; `spread_s` seconds are given for a slow spell to end."""
    keep_busy(sentinel, protocol.burn_in_s, stopwatch)
    patience_ends = stopwatch.wall() + protocol.spread_s * 1e9
    while True:
        visits = [
            visit(SENTINEL, sentinel, protocol, stopwatch) for _ in range(protocol.min_visits)
        ]
        now = p10_ms(visits)
        if not _moved(now, expected_ms) or stopwatch.wall() >= patience_ends:
            return now


def _moved(now_ms: float, expected_ms: float) -> bool:
    return abs(now_ms / expected_ms - 1) > SENTINEL_MAY_MOVE
