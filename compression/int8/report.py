"""What is told of the files: answers, latency, integer layers, and which of them was written."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from compression.int8.answers import Answers
from compression.int8.files import FLOAT


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """A file in a runtime: its answers, its latency for one image, and its integer layers.

    `spread` is by how much two halves of the measurement of `ms` disagree, relative to it.
    `changed` are layers that ONNX Runtime runs otherwise than the file says, and how.
    """

    runtime: Literal["onnxruntime", "openvino"]
    answers: Answers
    ms: float
    spread: float
    bytes: int
    integer: int
    layers: int
    changed: tuple[str, ...] = ()


class Int8Report(Struct, frozen=True, forbid_unknown_fields=True):
    """All files by name, the one in float first; `chosen` was written, if any was.

    `slower` are layers that take longer in int8 than in float; `kept` those that are in float in
    the mixed file, the fastest of those in `tried` (in ms).
    """

    rows: dict[str, Row]
    no_openvino: str | None
    slower: tuple[str, ...]
    kept: tuple[str, ...]
    tried: dict[str, float]
    narrow: bool
    chosen: str | None
    contended: str | None

    def told(self) -> str:
        """A line per file, and what else there is to know."""
        first = self.rows[FLOAT]
        lines = [f"{'':<18}{'top-1':>9}{'as float':>10}{'ms':>10}{'speed-up':>10}"
                 f"{'int8 layers':>13}{'bytes':>13}"]  # fmt: skip
        for name, row in self.rows.items():
            one, base = row.answers, beside(self.rows, row)
            lines.append(
                f"{name:<18}{one.right / one.images:>9.2%}{one.alike / one.images:>10.2%}"
                f"{row.ms:>10.4f}{base.ms / row.ms:>10.2f}{f'{row.integer} of {row.layers}':>13}"
                f"{row.bytes:>13,}"
            )
        lines.append(
            f"on {first.answers.images:,} test images; weights of "
            f"{'7 bits, 8 in depthwise layers' if self.narrow else '8 bits'}; halves of a "
            f"measurement disagree by up to {max(row.spread for row in self.rows.values()):.1%}"
        )
        if self.slower:
            lines.append(f"slower in int8: {', '.join(self.slower)}")
        if self.kept:
            lines.append(f"in float in the mixed file: {', '.join(self.kept)}")
        for name, row in self.rows.items():
            if row.changed:
                lines.append(f"silently changed in {name}: {', '.join(row.changed)}")
        return "\n".join([*lines, *filter(None, (self.no_openvino, self.contended))])


def beside(rows: Mapping[str, Row], row: Row) -> Row:
    """The file in float in the same runtime."""
    return next(one for one in rows.values() if one.runtime == row.runtime)


def fastest(rows: Mapping[str, Row]) -> str:
    """The fastest file in ONNX Runtime but the one in float."""
    names = [name for name, row in rows.items() if row.runtime == "onnxruntime" and name != FLOAT]
    return min(names, key=lambda name: rows[name].ms)


def is_faster(row: Row, first: Row) -> bool:
    """Whether it takes less time than the first, by more than the measurement does not know."""
    return row.ms * (1 + max(row.spread, first.spread)) < first.ms
