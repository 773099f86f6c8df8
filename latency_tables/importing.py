"""Read a table that somebody else wrote: its keys become blocks, its prices stay."""

import datetime
import hashlib
from pathlib import Path

from msgspec import Struct

from latency_tables.devices import ForeignDevice
from latency_tables.dialects import DIALECTS, DialectName, Price, recognise, understand
from latency_tables.entry import Entry
from latency_tables.head import DataType, Head, Identity, RuntimeInfo
from latency_tables.parts import BlockPart
from latency_tables.signature import Placed, signature
from latency_tables.table import LatencyTable
from proxyless_nas.spaces import named_space

NOT_KNOWN = "not known"


class ImportConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Make a table of a file from ProxylessNAS, Once-for-All or one of their ports.

    The file says neither the device nor how it was measured: say what you know of it.
    """

    file: str
    """The file, for example mobile_trim.yaml."""
    space: str
    """Name of the space that the table is for, for example imagenet-mobile."""
    device: str
    """What the times were measured on, for example "Pixel 1"."""
    out: str
    """The table's file, for example pixel1.json."""
    dialect: DialectName | None = None
    """How the file is written; told from its content if not given."""
    runtime: str = "as imported"
    """The program that ran the models there."""
    runtime_version: str = NOT_KNOWN
    """Its version."""
    threads: int = 1
    """CPU threads per model there."""
    batch: int = 1
    """Images per call there."""
    dtype: DataType = "float32"
    """The data type there."""
    fresh: bool = False
    """Replace a file that stands at --out already."""


class Imported(Struct, frozen=True):
    """A table, why some keys of its file mean nothing to us, and how much of its space it prices.

    `priced` of the `wanted` blocks of the space have an entry.
    """

    table: LatencyTable
    strange: dict[str, str]
    priced: int
    wanted: int


def import_table(
    file: str | Path,
    *,
    space: str,
    device: str,
    dialect: DialectName | None = None,
    runtime: RuntimeInfo | None = None,
    threads: int = 1,
    batch: int = 1,
    dtype: DataType = "float32",
) -> Imported:
    """Read a file of any known dialect; `space` is a named one.

    ValueError where the file is in no known dialect, where two of its keys mean one block, or where
    none means a block of ours.
    """
    wanted = named_space(space).blocks()
    if not device.strip():
        raise ValueError("--device is empty: say what the times were measured on")
    if min(threads, batch) < 1:
        raise ValueError(f"--threads {threads} --batch {batch}: neither can be below 1")
    data = _bytes(file)
    try:
        text = _text(data)
        way = recognise(text) if dialect is None else DIALECTS[dialect]
        prices = way.read(text)
        known, strange = understand(way, list(prices))
        if not known:
            key, why = next(iter(strange.items()))
            raise ValueError(f"no key means a block in dialect {way.name}; {key}: {why}")
        entries = _entries(known, prices)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    identity = Identity(
        space=space,
        device=ForeignDevice(device),
        runtime=runtime or RuntimeInfo("as imported", NOT_KNOWN, {}),
        protocol=None,
        threads=threads,
        batch=batch,
        dtype=dtype,
    )
    head = Head(
        identity,
        date=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        load_before=None,
        load_after=None,
        sentinel_ms=None,
        empty_ms=0.0,
        contended=False,
        source=f"{Path(file).name} (sha256 {hashlib.sha256(data).hexdigest()[:12]})",
        dialect=way.name,
    )
    priced = sum(signature(*placed) in entries for placed in wanted)
    return Imported(LatencyTable(head, entries), strange, priced, len(wanted))


def run_import(config: ImportConfig) -> None:
    """The command: write the table, and say what of the file did not get into it."""
    if Path(config.out).exists() and not config.fresh:
        raise ValueError(f"{config.out} is there already; replace it with --fresh")
    result = import_table(
        config.file,
        space=config.space,
        device=config.device,
        dialect=config.dialect,
        runtime=RuntimeInfo(config.runtime, config.runtime_version, {}),
        threads=config.threads,
        batch=config.batch,
        dtype=config.dtype,
    )
    table = result.table.save(config.out)
    print(
        f"{config.out}: {len(table.entries)} entries on {config.device} from {table.head.source}, "
        f"dialect {table.head.dialect}"
    )
    print(f"{result.priced} of the {result.wanted} blocks of space {config.space} are priced")
    if result.strange:
        print(f"keys that were not understood and are left out: {len(result.strange)}")
        print("\n".join(f"  {key}: {why}" for key, why in result.strange.items()))


def _bytes(file: str | Path) -> bytes:
    try:
        return Path(file).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"no file {file}") from None


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("it is no text, so no table of any dialect") from error


def _entries(known: dict[str, Placed], prices: dict[str, Price]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    source: dict[str, str] = {}
    for key, placed in known.items():
        part, price = BlockPart(*placed), prices[key]
        if part.key in entries:
            raise ValueError(f"{source[part.key]} and {key} both mean the block {part.key}")
        source[part.key] = key
        entries[part.key] = Entry(
            part.macs,
            part.weight_bytes,
            mean_ms=price.mean_ms,
            std_ms=price.std_ms,
            visits=price.count,
        )
    return entries
