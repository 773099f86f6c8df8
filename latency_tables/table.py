"""The latency table: measured prices of blocks with their spread, in one JSON file."""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from msgspec import Struct, structs

from latency_tables.head import SCHEMA, Head
from latency_tables.protocol import Visit
from latency_tables.signature import parse_signature, signature
from latency_tables.statistics import half_width, p10
from proxyless_nas.blocks import AnyBlock
from proxyless_nas.files import read_json, write_json
from proxyless_nas.layer import Layer, Shape
from proxyless_nas.spaces import LAYOUTS, named_space

FLOAT_BYTES = 4
MEGABYTE = 1e6


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """The price of one block: quantiles over all timed calls of thread CPU time, in ms.

    `p10_ms` is the value that predictions use. `confidence` is the 95 % half-width of the visits,
    relative (see `statistics.half_width`). `weight_bytes` counts float32 weights and biases after
    batch norm has been folded away.
    """

    p10_ms: float
    p50_ms: float
    p90_ms: float
    min_ms: float
    visits: int
    calls: int
    confidence: float
    macs: int
    weight_bytes: int

    def at_speed(self, factor: float) -> "Entry":
        """The entry with all its times multiplied by `factor`."""
        times = ("p10_ms", "p50_ms", "p90_ms", "min_ms")
        return structs.replace(self, **{name: getattr(self, name) * factor for name in times})


class Calibration(Struct, frozen=True, forbid_unknown_fields=True):
    """How a sum of entries becomes the latency of a network.

    network = a * sum(p10 - empty_ms) + c * weight megabytes (10^6 bytes) + d, in ms; fitted on
    `fit` whole networks, judged on `test` others. The errors are mean absolute relative errors on
    the test networks: `raw_mape` of the plain sum of p10, `mape` of the calibrated one,
    `macs_mape` of a line over MACs fitted on the same networks; `noise_floor` is what the
    measurement itself disagrees by.
    """

    a: float
    c: float
    d: float
    fit: int
    test: int
    raw_mape: float
    mape: float
    macs_mape: float
    noise_floor: float
    date: str


class LatencyTable(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Measured entries by signature. `path` is where the table was read from; it is not stored."""

    head: Head
    entries: dict[str, Entry]
    calibration: Calibration | None = None
    path: str = ""

    def entry(self, block: AnyBlock, shape: Shape) -> Entry:
        """The entry of a block on an input; LookupError names the command that measures it."""
        key = signature(block, shape)
        if key not in self.entries:
            raise LookupError(
                f"no entry {key} in latency table {self.path or '(not saved)'} of space "
                f"{self.head.identity.space}; measure it: {self._command(key)}"
            )
        return self.entries[key]

    def work_ms(self, entry: Entry) -> float:
        """p10 of an entry without the call around it, in ms: what a network adds per block."""
        return max(entry.p10_ms - self.head.empty_ms, 0.0)

    def save(self, path: str | Path) -> "LatencyTable":
        """Write atomically; returns the table that knows its path."""
        write_json(path, structs.replace(self, path=""))
        return structs.replace(self, path=str(path))

    @classmethod
    def load(cls, path: str | Path, allow_contended: bool = False) -> "LatencyTable":
        """Read a table; ValueError or FileNotFoundError say what is wrong and the way out.

        A table that was measured on a busy machine is read with a warning on stderr, without one
        under `allow_contended`.
        """
        anew = measure_command("NAME", path)
        try:
            table = structs.replace(read_json(path, cls), path=str(path))
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{error}; measure a table: {anew}") from None
        except ValueError as error:
            raise ValueError(f"{error}; delete it and measure it again: {anew}") from error
        _check(table, anew)
        if table.head.contended and not allow_contended:
            print(f"warning: {path} is contended: {table.head.reason}", file=sys.stderr)
        return table

    def _command(self, key: str) -> str:
        """Measures one missing block: from the table's space, or from the network that has it."""
        name = self.head.identity.space
        out = self.path or "FILE"
        if name in LAYOUTS and any(key == signature(*pair) for pair in named_space(name).blocks()):
            return measure_command(name, out)
        return f"{measure_command(name, out)} --network SPEC.json (the network that holds it)"


def measure_command(space: str, out: str | Path) -> str:
    """The command line that measures a space into a file."""
    return f"python -m latency_tables measure --space {space} --out {out}"


def weight_bytes(layers: Iterable[Layer]) -> int:
    """Bytes of float32 weights, with one bias per output channel where a norm was folded."""
    return FLOAT_BYTES * sum(
        layer.weights + layer.output.channels * int(layer.bias or layer.norm) for layer in layers
    )


def entry_of(key: str, visits: list[Visit]) -> Entry:
    """Sum up the visits of the block that `key` names."""
    block, shape = parse_signature(key)
    layers = block.layers("", shape)
    calls = np.concatenate([seen.cpu for seen in visits]) / 1e6
    low, middle, high = (float(q) for q in np.percentile(calls, [10, 50, 90]))
    return Entry(
        p10_ms=low,
        p50_ms=middle,
        p90_ms=high,
        min_ms=float(calls.min()),
        visits=len(visits),
        calls=len(calls),
        confidence=half_width([seen.statistic for seen in visits]),
        macs=sum(layer.macs for layer in layers),
        weight_bytes=weight_bytes(layers),
    )


def p10_ms(visits: Iterable[Visit]) -> float:
    """The 10 % quantile over all calls of some visits, in ms."""
    return p10(np.concatenate([seen.cpu for seen in visits])) / 1e6


def _check(table: LatencyTable, anew: str) -> None:
    schema = table.head.identity.schema
    if schema != SCHEMA:
        raise ValueError(
            f"{table.path} has schema {schema}, this program reads {SCHEMA}; "
            f"measure it again: {anew}"
        )
    if not table.entries:
        raise ValueError(f"{table.path} has no entries; delete it and measure it again: {anew}")
    for key, entry in table.entries.items():
        if not entry.p10_ms > 0:
            raise ValueError(
                f"{table.path}: entry {key} has p10_ms {entry.p10_ms}, not above 0; "
                f"delete the file and measure it again: {anew}"
            )
