"""Stand-ins for a device: a clock that moves only when told, tables with planted prices."""

import time

from latency_tables.devices import LocalMachine
from latency_tables.entry import Entry
from latency_tables.head import DataType, Head, Identity, RuntimeInfo
from latency_tables.measure import measure_space
from latency_tables.model import Model
from latency_tables.parts import BlockPart
from latency_tables.protocol import Protocol
from latency_tables.signature import Placed, signature
from latency_tables.stopwatch import Call, Stamps
from latency_tables.table import LatencyTable
from proxyless_nas import named_space
from proxyless_nas.space import Space

EMPTY_MS = 0.001


class FakeClock:
    """Both clocks of one imaginary core, in ns; a callable moves them when it is called."""

    def __init__(self) -> None:
        self.cpu = 0
        self.wall = 0
        self.calls = 0

    def __call__(self) -> tuple[int, int]:
        return self.cpu, self.wall

    def busy(self, times_ns, wall_factor: float = 1.0):
        """A callable that takes the next of `times_ns` at each call, over and over."""
        state = {"next": 0}

        def call() -> None:
            spent = times_ns[state["next"] % len(times_ns)]
            state["next"] += 1
            self.calls += 1
            self.cpu += spent
            self.wall += int(spent * wall_factor)

        return call


def stamps(clock: FakeClock) -> Stamps:
    """The stopwatch of an imaginary core."""
    return Stamps("thread_cpu", clock)


def made_up_price(placed: Placed) -> float:
    """Some price in ms that differs from block to block."""
    return price_of(signature(*placed))


def price_of(key: str) -> float:
    """The made-up price of a key."""
    return 0.01 + 0.001 * (sum(key.encode()) % 97)


def made_up_table(space: Space) -> LatencyTable:
    device = LocalMachine("imaginary", "1-1-1", "0", 1, "none", "none", None, None)
    runtime = RuntimeInfo("imaginary", "1", {})
    identity = Identity(space.name, device, runtime, Protocol())
    head = Head(identity, "2026-01-01T00:00:00+00:00", 0.0, 0.0, 0.04, EMPTY_MS, False)
    entries = {}
    for block, shape in space.blocks():
        part, price = BlockPart(block, shape), made_up_price((block, shape))
        entries[part.key] = Entry(
            part.macs, part.weight_bytes, price, price, price, price,
            visits=6, calls=60, confidence=0.01,
        )  # fmt: skip
    return LatencyTable(head, entries)


QUICK = Protocol(burn_in_s=0.0, spread_s=0.0, min_visits=6, max_visits=30)


class FakeDevice:
    """A runtime and its device: each model takes its made-up price, times `speed`."""

    dtype: DataType = "float32"
    threads = 1

    def __init__(self, dies_after: float = float("inf"), pause_s: float = 0.0) -> None:
        self.clock = FakeClock()
        self.speed = 1.0
        self.dies_after = dies_after
        self.pause_s = pause_s  # really waits at each call, so that a test can kill it

    def info(self) -> RuntimeInfo:
        return RuntimeInfo("imaginary", "1", {})

    def device(self) -> LocalMachine:
        return LocalMachine("imaginary", "1-1-1", "0", 1, "none", "none", None, None)

    def stopwatch(self) -> Stamps:
        return stamps(self.clock)

    def load(self) -> float:
        return 0.0

    def price(self, model: Model) -> float:
        return price_of(model.name)

    def prepare(self, model: Model) -> Call:
        price = self.price(model)

        def call() -> None:
            self.clock.calls += 1
            if self.clock.calls > self.dies_after:
                raise KeyboardInterrupt
            if self.pause_s:
                time.sleep(self.pause_s)
            self.clock.cpu += int(price * 1e6 * self.speed)
            self.clock.wall += int(price * 1e6 * self.speed)

        return call

    def measure(self, out, **given) -> LatencyTable:
        given.setdefault("protocol", QUICK)
        return measure_space(named_space("smoke"), out, runtime=self, show=False, **given)
