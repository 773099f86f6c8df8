"""The head of a table: on what, with what and how its entries were measured."""

from typing import Literal

from msgspec import Struct

from latency_tables.devices import AnyDevice
from latency_tables.dialects.base import DialectName
from latency_tables.protocol import Protocol

SCHEMA = 2
DataType = Literal["float32", "float16", "int8"]
Granularity = Literal["block", "layer"]
Context = Literal["alone", "chained"]
ScheduleName = Literal["hand", "none", "tuned"]


class RuntimeInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """The program that ran the models."""

    name: str
    version: str
    options: dict[str, str]


class Identity(Struct, frozen=True, forbid_unknown_fields=True):
    """What must be equal for two measurements to stand in one table.

    `granularity` says what an entry is: a whole block, or one of its layers. `context` says how
    it was seen: alone, or chained, as what it adds behind a convolution (`latency_tables.context`).
    `protocol` is None where somebody else measured, in a way that is not known.
    """

    space: str
    device: AnyDevice
    runtime: RuntimeInfo
    protocol: Protocol | None
    threads: int = 1
    batch: int = 1
    dtype: DataType = "float32"
    granularity: Granularity = "block"
    context: Context = "alone"

    def differences(self, other: "Identity") -> list[str]:
        """The names of the fields that differ."""
        return [f for f in self.__struct_fields__ if getattr(self, f) != getattr(other, f)]


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """Identity, and the conditions of the day.

    `sentinel_ms` is the p10 of a fixed block that no search can choose: the speed of the device
    while the table was made. `empty_ms` is the p10 of a call that computes nothing: every entry
    that was timed alone contains it, a whole network pays it once. `reason` says why the numbers
    deserve no trust, where the table is `contended`. An imported table has no load and no
    sentinel; `source` says which file it is from, `dialect` how its blocks are named there.
    """

    identity: Identity
    date: str
    load_before: float | None
    load_after: float | None
    sentinel_ms: float | None
    empty_ms: float
    contended: bool
    reason: str | None = None
    source: str | None = None
    dialect: DialectName | None = None
