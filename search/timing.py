"""Time networks in one session, and use it again as long as nothing of it has changed."""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from latency_tables.head import DataType, RuntimeInfo
from latency_tables.networks import Measured, measure_networks
from latency_tables.protocol import Protocol
from latency_tables.runtimes import OnnxRuntime, Runtime, runtime_of
from latency_tables.table import LatencyTable
from proxyless_nas import NetworkSpec


class Manner(Struct, frozen=True, forbid_unknown_fields=True):
    """Where, by what and how networks are timed: `batch` images per call, `visits` to each."""

    device: str
    runtime: RuntimeInfo
    dtype: DataType
    threads: int
    batch: int
    visits: int
    protocol: Protocol

    def __str__(self) -> str:
        return (
            f"{self.device}, {self.runtime.name} {self.runtime.version} {self.dtype}, "
            f"{self.threads} thread{'s' if self.threads > 1 else ''}, batch {self.batch}"
        )


class Timing(Struct, frozen=True, forbid_unknown_fields=True):
    """What one session measured, network by network."""

    date: str
    manner: Manner
    specs: tuple[NetworkSpec, ...]
    measured: tuple[Measured, ...]

    def of(self, spec: NetworkSpec) -> Measured:
        """What was measured of a network; ValueError where it was not there."""
        return self.measured[self.specs.index(spec)]

    def serves(self, manner: Manner, specs: Sequence[NetworkSpec]) -> bool:
        """Whether it measured all of these networks, and in this manner."""
        return self.manner == manner and set(specs) <= set(self.specs)


class Bench(Struct, frozen=True):
    """A runtime that is open, and the manner in which it times."""

    runtime: Runtime
    manner: Manner

    def time(self, specs: Sequence[NetworkSpec], seed: int) -> Timing:
        """Measure every different network once, interleaved with the others."""
        different = tuple(dict.fromkeys(specs))
        seen = measure_networks(
            different,
            visits=self.manner.visits,
            runtime=self.runtime,
            protocol=self.manner.protocol,
            batch=self.manner.batch,
            seed=seed,
            show=True,
        )
        date = datetime.now(UTC).strftime("%Y-%m-%d")
        return Timing(date, self.manner, different, tuple(seen))


def open_bench(table: LatencyTable | None, device: str | None, visits: int) -> Bench:
    """As the table was measured, or without one ONNX Runtime on one thread with one image.

    `device` is the address of a device behind a tracker. ValueError where the table is of a device
    that is not here, or of a runtime that cannot be opened.
    """
    if table is None:
        if device is not None:
            raise ValueError("--device is where a table was measured: it needs --table")
        return _bench(OnnxRuntime(), 1, visits, Protocol())
    identity = table.head.identity
    runtime = runtime_of(identity, device)
    if not identity.device.same_kind(runtime.device()):
        raise ValueError(
            f"{table.path} was measured on another kind of device ({identity.device}; this is "
            f"{runtime.device()}): draw the front there, or without --table"
        )
    assert identity.protocol is not None, "runtime_of refuses imported tables"
    return _bench(runtime, identity.batch, visits, identity.protocol)


def _bench(runtime: Runtime, batch: int, visits: int, protocol: Protocol) -> Bench:
    device, info = str(runtime.device()), runtime.info()
    manner = Manner(device, info, runtime.dtype, runtime.threads, batch, visits, protocol)
    return Bench(runtime, manner)
