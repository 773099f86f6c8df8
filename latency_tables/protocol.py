"""The measuring protocol: shuffled rounds of short visits, an honest clock, stop when sure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct

from latency_tables.statistics import NOTHING_LEARNED_BELOW, half_width, p10, variation
from latency_tables.stopwatch import Call, ClockName, Stopwatch

SENTINEL = "sentinel"  # the key of the item that is visited in every round
EMPTY = "empty"  # the key of the model that does nothing: what a call costs by itself
WALL_PER_SPENT_LIMIT = 1.05
SENTINEL_VARIATION_LIMIT = 0.05
SLOW = 10  # a call that takes this many times visit_ms warms up once only


class Protocol(Struct, frozen=True, forbid_unknown_fields=True):
    """How an item is timed.

    First the core is kept busy for `burn_in_s` seconds, because after a rest it runs a quarter
    slower for a second or two (measured here). Then items are visited in shuffled rounds, spread
    over at least `spread_s` seconds with the core kept busy between them, because a machine has
    slow spells of some seconds; the rounds within them are left out (`spells.undisturbed`). A visit
    is `warm_up` untimed calls (one, where a call is very slow) and then timed calls until
    `visit_ms` have passed. `clock` names the time that counts: CPU time of the one thread that
    works, wherever it can be had, because it leaves out what other processes do.
    An item is finished when the 95 % half-width of its visits (see `statistics.half_width`) is
    below `tolerance`, but not before `min_visits` and at the latest after `max_visits`. Its value
    is the 10 % quantile of all calls that count.
    """

    clock: ClockName = "thread_cpu"
    statistic: Literal["p10"] = "p10"
    order: Literal["shuffled rounds"] = "shuffled rounds"
    burn_in_s: float = 3.0
    spread_s: float = 15.0
    warm_up: int = 2
    visit_ms: float = 3.0
    min_visits: int = 20
    max_visits: int = 60
    tolerance: float = 0.02

    def __post_init__(self) -> None:
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance {self.tolerance} is not a fraction between 0 and 1")
        if not 0.1 <= self.visit_ms <= 1000:
            raise ValueError(f"visit_ms {self.visit_ms} is not between 0.1 and 1000 ms")
        if min(self.burn_in_s, self.spread_s) < 0:
            raise ValueError(f"burn_in_s {self.burn_in_s} or spread_s {self.spread_s} is below 0")
        if not NOTHING_LEARNED_BELOW <= self.min_visits <= self.max_visits:
            raise ValueError(
                f"visits {self.min_visits}..{self.max_visits}: the least must be at least "
                f"{NOTHING_LEARNED_BELOW} and not above the most"
            )


class Visit(Struct, frozen=True, forbid_unknown_fields=True):
    """The timed calls of one visit, in ns per call; `statistic` is the p10 of `spent`, in ns.

    `spent` is the time that counts. `energy_uj` is what all of them together took out of the
    package, in microjoules, where the machine can tell.
    """

    key: str
    spent: tuple[int, ...]
    wall: tuple[int, ...]
    statistic: float
    energy_uj: int | None = None

    @property
    def wall_per_spent(self) -> float:
        """1 where nobody else ran on this core during the visit."""
        return sum(self.wall) / max(sum(self.spent), 1)


Visits = dict[str, list[Visit]]


def visit(key: str, call: Call, protocol: Protocol, stopwatch: Stopwatch) -> Visit:
    """Warm up, then call until `visit_ms` have passed; at least one timed call."""
    length_ns = protocol.visit_ms * 1e6
    begin = stopwatch.wall()
    for _ in range(protocol.warm_up):
        call()
        if stopwatch.wall() - begin > SLOW * length_ns:
            break
    before = stopwatch.energy_uj()
    spent, wall = stopwatch.time(call, length_ns)
    after = stopwatch.energy_uj()
    energy = after - before if after is not None and before is not None else None
    return Visit(key, tuple(spent), tuple(wall), p10(spent), energy)


def keep_busy(call: Call, seconds: float, stopwatch: Stopwatch) -> None:
    """Repeat `call` until so many seconds of wall time have passed."""
    end = stopwatch.wall() + seconds * 1e9
    while stopwatch.wall() < end:
        call()


def finished(visits: Sequence[Visit], protocol: Protocol) -> bool:
    """Whether an item needs no further visit."""
    if len(visits) < protocol.min_visits:
        return False
    if len(visits) >= protocol.max_visits:
        return True
    return half_width([seen.statistic for seen in visits]) < protocol.tolerance


def measure_items(
    items: Mapping[str, Call],
    sentinel: Call,
    protocol: Protocol,
    generator: np.random.Generator,
    *,
    stopwatch: Stopwatch,
    before: Mapping[str, Sequence[Visit]] | None = None,
    record: Callable[[Visit], None] = lambda seen: None,
) -> Visits:
    """Visit every item until it is finished, in rounds whose order `generator` shuffles.

    `before` holds visits of an interrupted run: they count, and a finished item gets no more.
    `record` is called after each visit. The result also holds the sentinel's visits.
    """
    keep_busy(sentinel, protocol.burn_in_s, stopwatch)
    before = before or {}
    visits: Visits = {key: list(before.get(key, ())) for key in (*items, SENTINEL)}
    calls = {**items, SENTINEL: sentinel}
    still_open = [key for key in items if not finished(visits[key], protocol)]
    while still_open:
        order = [*still_open, SENTINEL]
        for index in generator.permutation(len(order)):
            seen = visit(order[index], calls[order[index]], protocol, stopwatch)
            visits[seen.key].append(seen)
            record(seen)
        still_open = [key for key in still_open if not finished(visits[key], protocol)]
        if still_open:
            keep_busy(sentinel, protocol.spread_s / protocol.min_visits, stopwatch)
    return visits


def visits_ahead(visits: Mapping[str, int], protocol: Protocol) -> int:
    """How many visits are still to be expected, given the visits so far of each open item."""
    likely = (max(protocol.min_visits - count, 2) for count in visits.values())
    possible = (protocol.max_visits - count for count in visits.values())
    return sum(map(min, likely, possible))


def contention(visits: Iterable[Visit], sentinel: Sequence[Visit]) -> str | None:
    """Why these numbers deserve no trust: the core was shared, or its speed moved. None if calm."""
    ratio = float(np.median([seen.wall_per_spent for seen in (*visits, *sentinel)]))
    if ratio > WALL_PER_SPENT_LIMIT:
        return (
            f"another process shared the core: median wall time / CPU time is {ratio:.2f}, "
            f"above {WALL_PER_SPENT_LIMIT:g}"
        )
    spread = variation([seen.statistic for seen in sentinel])
    if spread > SENTINEL_VARIATION_LIMIT:
        return (
            f"the machine's speed moved: the sentinel varied by {spread:.1%}, "
            f"above {SENTINEL_VARIATION_LIMIT:.0%}"
        )
    return None
