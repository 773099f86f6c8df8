"""Write what an analysis has found for machines: CSV lines, JSON."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, fields

from proxyless_nas.files import write_bytes


def csv_text(kind: type[Struct], rows: Sequence[Struct]) -> str:
    """A line with the names of the fields of `kind`, and one per row; None is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(kind))
    for row in rows:
        writer.writerow([part_of(value) for value in asdict(row).values()])
    return text.getvalue()


def json_text(value: Any) -> str:
    """A struct as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def part_of(value: Any) -> str:
    """A value as it stands in a table: sizes are joined by x, other lists by spaces."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        whole = all(isinstance(one, int) for one in value)
        return ("x" if whole else " ").join(map(str, value))
    return str(value)


def tell(
    lines: Sequence[str],
    value: Any,
    kind: type[Struct],
    rows: Sequence[Struct],
    as_json: bool,
    file: str | None,
) -> None:
    """Print `lines`, or `value` as JSON; write the rows into a CSV file where one is named."""
    print(json_text(value) if as_json else "\n".join(lines))
    if file is not None:
        write_bytes(file, csv_text(kind, rows).encode())
