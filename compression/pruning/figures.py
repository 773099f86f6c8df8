"""Before and after: accuracy, work, size and latency of networks, as a table."""

from collections.abc import Sequence

from msgspec import Struct
from torch import nn

from proxyless_nas import macs_of, parameters_of
from proxyless_nas.layer import FLOAT_BYTES, Shape
from training.evaluate import Evaluation


class Figures(Struct, frozen=True, forbid_unknown_fields=True):
    """What a network is and can do; latencies of one table were measured in one session."""

    name: str
    score: Evaluation
    macs: int
    parameters: int
    nonzeros: int
    latency_ms: float | None = None

    @classmethod
    def of(
        cls, name: str, network: nn.Module, shape: Shape, score: Evaluation, ms: float | None = None
    ) -> "Figures":
        """`shape` is that of an image, `ms` the measured latency."""
        nonzeros = sum(int(one.count_nonzero()) for one in network.parameters())
        counts = macs_of(network, shape), parameters_of(network), nonzeros
        return cls(name, score, *counts, ms)


def table_of(columns: Sequence[Figures]) -> str:
    """One line per figure, one column per network, and the last over the first."""
    first, last = columns[0], columns[-1]
    rows = [["", *(one.name for one in columns), f"{last.name} / {first.name}"]]

    def row(what: str, each: list[str], change: str) -> None:
        rows.append([what, *each, change])

    for what, share in (("top-1", "top1"), ("top-5", "top5")):
        values = [100 * getattr(one.score, share) for one in columns]
        row(what, [f"{value:.2f} %" for value in values], f"{values[-1] - values[0]:+.2f} points")
    row("loss", [f"{one.score.loss:.4f}" for one in columns], "")
    for what, field, factor in (
        ("MACs", "macs", 1),
        ("parameters", "parameters", 1),
        ("... not zero", "nonzeros", 1),
        ("bytes as float32", "parameters", FLOAT_BYTES),
    ):
        values = [factor * getattr(one, field) for one in columns]
        row(what, [f"{value:,}" for value in values], f"{values[-1] / values[0]:.3f}")
    times = [one.latency_ms for one in columns]
    if first.latency_ms is not None and last.latency_ms is not None:
        each = ["" if ms is None else f"{ms:.4f} ms" for ms in times]
        row("measured latency", each, f"{last.latency_ms / first.latency_ms:.3f}")
    wide = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in rows
    )
