"""The latency table: measured prices of blocks with their spread, in one JSON file."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct, structs

from latency_tables.dialects import foreign_key
from latency_tables.entry import Entry
from latency_tables.head import SCHEMA, Head
from latency_tables.layers import is_layer_key
from latency_tables.parts import keys_of, parse_part
from latency_tables.shipped import table_file
from latency_tables.signature import Placed
from proxyless_nas.files import decode_json, write_json
from proxyless_nas.naming import listed
from proxyless_nas.spaces import is_named, named_space

MEGABYTE = 1e6


class Calibration(Struct, frozen=True, forbid_unknown_fields=True):
    """How a sum of entries becomes the latency of a network.

    network = a * sum of work + b * entries + c * weight megabytes (10^6 bytes) + d, in ms, where
    the work of an entry is its p10 without the empty call around it, and b is what a call around a
    block takes besides (0 where entries contain no call); fitted on `fit` whole networks, judged
    on `test` others. The errors are mean absolute relative errors on the test networks:
    `raw_mape` of the plain sum of p10, `mape` of the calibrated one, `macs_mape` of a line over
    MACs fitted on the same networks; `noise_floor` is what the measurement itself disagrees by.
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
    b: float = 0.0

    @property
    def formula(self) -> str:
        """In words; the sum is that of work."""
        calls = f" {self.b:+.5f} * entries" if self.b else ""
        return f"network ms = {self.a:.3f} * sum{calls} {self.c:+.4f} * weight MB {self.d:+.4f}"


class _AnySchema(Struct, frozen=True):
    """As much of a table's file as every version of it has."""

    schema: int = 1


class LatencyTableFile(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in the file."""

    schema: int
    head: Head
    entries: dict[str, Entry]
    calibration: Calibration | None = None


class LatencyTable(Struct, frozen=True):
    """Measured entries by key. `path` is where the table was read from; it is not stored."""

    head: Head
    entries: dict[str, Entry]
    calibration: Calibration | None = None
    path: str = ""

    def entries_of(self, placed: Iterable[Placed]) -> list[Entry]:
        """The entries that make up some blocks on their inputs, in order, with repetitions.

        LookupError names all that are missing, and the command that measures them.
        """
        placed = list(placed)
        keys = list(keys_of(placed, self.head.identity.granularity))
        return self.entries_named(keys)

    def entries_named(self, keys: Sequence[str]) -> list[Entry]:
        """The entries of these keys; errors as in `entries_of`."""
        missing = list(dict.fromkeys(key for key in keys if key not in self.entries))
        if missing:
            raise LookupError(self._gap(missing))
        return [self.entries[key] for key in keys]

    def work_ms(self, entry: Entry) -> float:
        """An entry without the call around it, in ms: what a network adds per block."""
        if self.head.identity.context != "alone":
            return entry.ms
        return max(entry.ms - self.head.empty_ms, 0.0)

    def price_ms(self, entry: Entry) -> float:
        """What a network takes longer because of this entry, in ms, calibrated where that is."""
        work, fit = self.work_ms(entry), self.calibration
        if fit is None:
            return work
        return fit.a * work + fit.b + fit.c * entry.weight_bytes / MEGABYTE

    def merged(self, other: "LatencyTable") -> "LatencyTable":
        """This table with the entries that only `other` has, brought to this table's speed.

        ValueError names the fields of identity in which the two differ; tables that differ are
        never mixed. The calibration stays: it was fitted at this table's speed.
        """
        differences = self.head.identity.differences(other.head.identity)
        if differences:
            raise ValueError(
                f"{self.path or 'the first table'} and {other.path or 'the second'} differ in "
                f"{' and '.join(differences)}: their entries cannot stand in one table"
            )
        mine, theirs = self.head.sentinel_ms, other.head.sentinel_ms
        factor = mine / theirs if mine is not None and theirs is not None else 1.0
        added = {key: entry.at_speed(factor) for key, entry in other.entries.items()}
        head = structs.replace(
            self.head,
            contended=self.head.contended or other.head.contended,
            reason=self.head.reason or other.head.reason,
        )
        return structs.replace(self, head=head, entries=added | self.entries)

    def save(self, path: str | Path) -> "LatencyTable":
        """Write atomically; returns the table that knows its path."""
        write_json(path, LatencyTableFile(SCHEMA, self.head, self.entries, self.calibration))
        return structs.replace(self, path=str(path))

    @classmethod
    def load(cls, path: str | Path, allow_contended: bool = False) -> "LatencyTable":
        """Read a table, by its file or by the name of a shipped one.

        ValueError or FileNotFoundError say what is wrong and the way out.
        A table that was measured on a busy device is refused, unless `allow_contended`.
        """
        anew = measure_command("NAME", path)
        try:
            data = table_file(path).read_bytes()
        except FileNotFoundError:
            raise FileNotFoundError(
                f"no file {path}, and no shipped table of that name (`python -m latency_tables "
                f"show` lists them); measure a table: {anew}"
            ) from None
        try:
            schema = decode_json(data, _AnySchema, path).schema
            if schema != SCHEMA:
                raise ValueError(f"{path} has schema {schema}, this program reads {SCHEMA}")
            file = decode_json(data, LatencyTableFile, path)
            table = cls(file.head, file.entries, file.calibration, str(path))
            _check(table)
        except ValueError as error:
            raise ValueError(f"{error}; delete it and measure it again: {anew}") from error
        if table.head.contended and not allow_contended:
            again = measure_command(table.head.identity.space, path)
            raise ValueError(
                f"{path} is contended: {table.head.reason}; measure it again on a calm machine "
                f"({again} --fresh), or say --allow-contended"
            )
        return table

    def _gap(self, keys: list[str]) -> str:
        """What is missing, and the way out."""
        name, out = self.head.identity.space, self.path or "FILE"
        entries = f"no entry {keys[0]}" if len(keys) == 1 else f"no entries {listed(keys)}"
        where = f"{entries} in latency table {self.path or '(not saved)'} of space {name}"
        if self.head.source is not None:
            there = [foreign_key(self.head.dialect, key) for key in keys]
            if any(there):
                where += f" ({', '.join(name or 'no word' for name in there)} in that file)"
            return (
                f"{where}; it was imported from {self.head.source}: blocks that were not "
                "measured there have no price on that device"
            )
        if is_named(name):
            granularity = self.head.identity.granularity
            known = set(keys_of(named_space(name).blocks(), granularity))
            if known.issuperset(keys):
                return f"{where}; measure it: {measure_command(name, out)}"
        command = f"{measure_command(name, out)} --network SPEC.json"
        return f"{where}; measure it: {command} (the network that holds it)"


def measure_command(space: str, out: str | Path) -> str:
    """The command line that measures a space into a file."""
    return f"python -m latency_tables measure --space {space} --out {out}"


def _check(table: LatencyTable) -> None:
    """ValueError for a table that cannot price anything, or prices it below nothing."""
    if not table.entries:
        raise ValueError(f"{table.path} has no entries")
    granularity = table.head.identity.granularity
    for key, entry in table.entries.items():
        if is_layer_key(key) != (granularity == "layer"):
            raise ValueError(f"{table.path}: entry {key} is no {granularity}")
        try:
            part, price = parse_part(key), entry.ms
        except ValueError as error:
            raise ValueError(f"{table.path}: entry {key}: {error}") from error
        least = 0.0 if table.head.identity.context == "alone" else -float("inf")
        if not least < price < float("inf"):
            raise ValueError(f"{table.path}: entry {key} takes {price} ms, not above 0")
        if (part.macs, part.weight_bytes) != (entry.macs, entry.weight_bytes):
            raise ValueError(
                f"{table.path}: entry {key} has {entry.macs} MACs and {entry.weight_bytes} bytes "
                f"of weights; its name says {part.macs} and {part.weight_bytes}"
            )
