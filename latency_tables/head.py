"""The head of a table: on what, with what and how its entries were measured."""

from typing import Literal

from msgspec import Struct

from latency_tables.devices.local import Device
from latency_tables.protocol import Protocol

SCHEMA = 1


class RuntimeInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """The program that ran the models."""

    name: str
    version: str
    options: dict[str, str]


class Identity(Struct, frozen=True, forbid_unknown_fields=True):
    """What must be equal for two measurements to stand in one table."""

    space: str
    device: Device
    runtime: RuntimeInfo
    protocol: Protocol
    threads: int = 1
    batch: int = 1
    dtype: Literal["float32"] = "float32"
    granularity: Literal["block"] = "block"
    schema: int = SCHEMA

    def differences(self, other: "Identity") -> list[str]:
        """The names of the fields that differ."""
        return [f for f in self.__struct_fields__ if getattr(self, f) != getattr(other, f)]


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """Identity, and the conditions of the day.

    `sentinel_ms` is the p10 of a fixed block that no search can choose: the speed of the machine
    while the table was made. `empty_ms` is the p10 of a call that computes nothing: every entry
    contains it, a whole network pays it once. `reason` says why the numbers deserve no trust,
    where the table is `contended`.
    """

    identity: Identity
    date: str
    load_before: float
    load_after: float
    sentinel_ms: float
    empty_ms: float
    contended: bool
    reason: str | None = None
