"""A device that runs TVM's RPC server: what is known of it, and how its time is told."""

import time

from msgspec import Struct

from latency_tables.stopwatch import Call, ClockName


class RemoteDevice(Struct, frozen=True, forbid_unknown_fields=True, tag="remote", tag_field="kind"):
    """A device behind a tracker. What only our own server can tell is None with TVM's.

    `emulated` says that its processor is imitated in software: its times say nothing.
    """

    key: str
    cpu: str | None
    machine: str | None
    kernel: str | None
    governor: str | None
    emulated: bool | None

    def same_kind(self, other: object) -> bool:
        """Whether two tables come from the same kind of device."""
        if not isinstance(other, RemoteDevice):
            return False
        return (self.key, self.cpu, self.machine) == (other.key, other.cpu, other.machine)

    def __str__(self) -> str:
        what = f"{self.cpu or 'unknown CPU'}, {self.machine or 'unknown architecture'}"
        return f"{self.key} ({what}{', emulated' if self.emulated else ''})"


class RemoteClock:
    """Asks the call itself: it runs far away, and is timed there."""

    def __init__(self, name: ClockName) -> None:
        self.name: ClockName = name

    def wall(self) -> int:
        return time.perf_counter_ns()

    def time(self, call: Call, length_ns: float) -> tuple[list[int], list[int]]:
        return call.time(length_ns)  # type: ignore[attr-defined]

    def energy_uj(self) -> None:
        return None
