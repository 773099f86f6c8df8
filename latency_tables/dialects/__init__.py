"""Latency tables that others wrote: how their keys name blocks, one dialect per file."""

from latency_tables.dialects.base import Dialect, DialectName, Price, key_of
from latency_tables.dialects.csv_lines import CsvLines
from latency_tables.dialects.ofa import OnceForAll
from latency_tables.dialects.proxyless import Proxyless
from latency_tables.signature import Placed, parse_signature

DIALECTS: dict[DialectName, Dialect] = {
    each.name: each for each in (Proxyless(), OnceForAll(), CsvLines())
}


def understand(dialect: Dialect, keys: list[str]) -> tuple[dict[str, Placed], dict[str, str]]:
    """What the keys mean, and why some mean nothing to us."""
    known: dict[str, Placed] = {}
    strange: dict[str, str] = {}
    for key in keys:
        try:
            block, shape = dialect.block(key)
            block.layers("", shape)
            known[key] = (block, shape)
        except ValueError as error:
            strange[key] = str(error)
    return known, strange


def recognise(text: str) -> Dialect:
    """The dialect that understands most keys of a file; ValueError where none understands any."""
    complaints: list[str] = []
    most, best = 0, None
    for name, dialect in DIALECTS.items():
        try:
            known, _ = understand(dialect, list(dialect.read(text)))
        except ValueError as error:
            complaints.append(f"{name}: {error}")
            continue
        if len(known) > most:
            most, best = len(known), dialect
        elif not known:
            complaints.append(f"{name}: no key is understood")
    if best is None:
        raise ValueError(f"it is written in no dialect that is known ({'; '.join(complaints)})")
    return best


def foreign_key(name: DialectName | None, key: str) -> str | None:
    """What a dialect calls the block of a table's key; None where it has no word for it."""
    if name is None:
        return None
    try:
        return key_of(DIALECTS[name], *parse_signature(key))
    except ValueError:
        return None


__all__ = [
    "DIALECTS",
    "Dialect",
    "DialectName",
    "Price",
    "foreign_key",
    "key_of",
    "recognise",
    "understand",
]
