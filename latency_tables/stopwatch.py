"""How calls are timed: by stamps of this machine's clocks, or by whatever is honest elsewhere."""

import time
from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np

from latency_tables.devices.rapl import package_energy

Call = Callable[[], None]
Clock = Callable[[], tuple[int, int]]  # (the time that counts, wall time), both in ns
ClockName = Literal["thread_cpu", "process_cpu", "wall", "cuda_event", "remote_cpu", "remote_wall"]

PATIENCE = 20  # a visit also ends when its wall time reaches this many times its length


class Stopwatch(Protocol):
    """Times calls of models that a runtime prepared; its name stands in the table's head."""

    @property
    def name(self) -> ClockName:
        """Which time counts."""
        ...

    def wall(self) -> int:
        """Wall time now, in ns."""
        ...

    def time(self, call: Call, length_ns: float) -> tuple[list[int], list[int]]:
        """Call again and again until `length_ns` have passed, at least once.

        Returns, per call and in ns, the time that counts and the wall time. Where only one of the
        two is known, both lists are the same.
        """
        ...

    def energy_uj(self) -> int | None:
        """A counter of energy in microjoules; None where the device has none."""
        ...


class Stamps:
    """Stamps of a clock of this machine before and after every call.

    Consecutive stamps bracket each call, so both readings contain the same overhead: one stamp,
    below 1 us.
    """

    def __init__(
        self, name: ClockName, clock: Clock, meter: Callable[[], int | None] = lambda: None
    ) -> None:
        self.name: ClockName = name
        self.energy_uj = meter
        self._clock = clock

    def wall(self) -> int:
        return self._clock()[1]

    def time(self, call: Call, length_ns: float) -> tuple[list[int], list[int]]:
        clock = self._clock
        stamps = [clock()]
        end = stamps[0][0] + length_ns
        wall_end = stamps[0][1] + PATIENCE * length_ns
        while len(stamps) < 2 or (stamps[-1][0] < end and stamps[-1][1] < wall_end):
            call()
            stamps.append(clock())
        counts, wall = np.diff(np.array(stamps, dtype=np.int64), axis=0).T.tolist()
        return counts, wall


def thread_time() -> Stamps:
    """CPU time of the calling thread: for models that run in it alone.

    It leaves out the time during which another process ran.
    """
    return Stamps(
        "thread_cpu", lambda: (time.thread_time_ns(), time.perf_counter_ns()), package_energy()
    )


def process_time() -> Stamps:
    """CPU time of the whole process: for one thread of work that is not the calling thread."""
    return Stamps(
        "process_cpu", lambda: (time.process_time_ns(), time.perf_counter_ns()), package_energy()
    )


def wall_time() -> Stamps:
    """Wall time: for models that run on several threads."""
    return Stamps("wall", _wall_twice, package_energy())


def _wall_twice() -> tuple[int, int]:
    now = time.perf_counter_ns()
    return now, now
