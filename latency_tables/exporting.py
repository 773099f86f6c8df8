"""Write a table so that ProxylessNAS, Once-for-All or one of their ports can read it."""

from pathlib import Path

from msgspec import Struct

from latency_tables.dialects import DIALECTS, DialectName, Price, key_of
from latency_tables.signature import parse_signature
from latency_tables.table import LatencyTable
from proxyless_nas.files import write_bytes


class ExportConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Write a table as a file of ProxylessNAS, Once-for-All or one of their ports.

    They know only blocks and times: where the times are from and how a sum of them becomes the
    latency of a network stays behind.
    """

    table: str
    """A table that `measure` or `import` wrote."""
    dialect: DialectName
    """How to write it: proxyless (mobile_trim.yaml), ofa (for MobileNetV3), csv (latency.csv)."""
    out: str
    """The file."""
    skip_unknown: bool = False
    """Leave out the blocks that the dialect has no word for."""
    allow_contended: bool = False
    """Take a table even though it was measured on a busy machine."""


class Exported(Struct, frozen=True):
    """The text of the file, its number of entries, and why blocks were left out, by our key."""

    text: str
    entries: int
    left_out: dict[str, str]


def export_table(table: LatencyTable, dialect: DialectName, skip_unknown: bool = False) -> Exported:
    """Every entry by the dialect's key: the price that predictions use, and what is known of it.

    ValueError for a table of layers, and for blocks that the dialect has no word for, unless these
    may be left out.
    """
    if table.head.identity.granularity != "block":
        raise ValueError(f"{table.path or 'the table'} prices layers; dialects price blocks")
    way = DIALECTS[dialect]
    prices: dict[str, Price] = {}
    left_out: dict[str, str] = {}
    for key, entry in table.entries.items():
        try:
            name = key_of(way, *parse_signature(key))
        except ValueError as error:
            left_out[key] = str(error)
        else:
            prices[name] = Price(entry.ms, entry.std_ms, entry.visits)
    if (left_out and not skip_unknown) or not prices:
        raise ValueError(
            f"dialect {dialect} has no word for {len(left_out)} of the {len(table.entries)} blocks "
            f"of {table.path or 'the table'}: {_reasons(left_out)}"
            + ("; leave them out with --skip-unknown" if prices else "")
        )
    return Exported(way.write(prices), len(prices), left_out)


def run_export(config: ExportConfig) -> None:
    """The command: write the file, and say what does not stand in it."""
    if Path(config.out).exists() and Path(config.out).samefile(config.table):
        raise ValueError(f"--out {config.out} is the table itself")
    table = LatencyTable.load(config.table, config.allow_contended)
    result = export_table(table, config.dialect, config.skip_unknown)
    write_bytes(config.out, result.text.encode())
    print(f"{config.out}: {result.entries} entries in dialect {config.dialect}")
    if result.left_out:
        print(f"left out: {_reasons(result.left_out)}")
    if table.head.empty_ms:
        print(
            f"every entry holds the call around it, {table.head.empty_ms:.4f} ms here: the plain "
            "sum that those programs make counts it once per block"
        )


def _reasons(left_out: dict[str, str]) -> str:
    """Blocks by what is wrong with them."""
    groups: dict[str, list[str]] = {}
    for key, why in left_out.items():
        groups.setdefault(why, []).append(key)
    return "; ".join(f"{', '.join(keys)} ({why})" for why, keys in groups.items())
