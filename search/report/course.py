"""How a search went: what was to be decided, and where it stood line by line of its log."""

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct

from search.report.checks import finite, fractions

Phase = Literal["warm-up", "search"]


class SearchedEdge(Struct, frozen=True, forbid_unknown_fields=True):
    """A place with a choice: its module name (`blocks.3`), its candidates' labels, the kept one.

    The kept candidate need not be the likeliest: the whole network must meet the target. Label
    candidates with `proxyless_nas.naming.label_of`, then one colour means one block on the page.
    """

    name: str
    candidates: tuple[str, ...]
    kept: int


class SearchPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the search stood at one step; `probabilities` has one row per searched edge."""

    step: int
    epoch: float
    phase: Phase
    train_loss: float | None
    gate_loss: float | None
    valid_accuracy: float | None  # fraction of 1
    probabilities: tuple[tuple[float, ...], ...]
    expected: float
    derived: float  # of the network that would be derived now
    entropy: float  # nats per edge
    options: tuple[int, ...] = ()  # of the network that would be derived now


class Course(Struct, frozen=True):
    """A search from its first line to its last; costs are in `unit`, which is empty where there
    are none, and `tolerance` is a fraction of the budget."""

    edges: tuple[SearchedEdge, ...]
    points: tuple[SearchPoint, ...]
    unit: str
    budget: float | None
    tolerance: float

    def __post_init__(self) -> None:
        for point in self.points:
            self._check_point(point)

    def _check_point(self, point: SearchPoint) -> None:
        where = f"search point at step {point.step}"
        rows = tuple(len(row) for row in point.probabilities)
        wanted = tuple(len(edge.candidates) for edge in self.edges)
        if rows != wanted:
            raise ValueError(f"{where}: probabilities {rows} do not match the candidates {wanted}")
        for row in point.probabilities:
            fractions(f"{where}: probability", row)
        values = [point.train_loss, point.gate_loss, point.valid_accuracy]
        values += [point.expected, point.derived, point.entropy]
        finite(where, (value for value in values if value is not None))


def points_of(log: Iterable[dict[str, Any]]) -> tuple[SearchPoint, ...]:
    """The lines of a search's log.jsonl."""
    return tuple(
        SearchPoint(
            step=line["step"],
            epoch=line["epoch"],
            phase=line["phase"],
            train_loss=line.get("train_loss"),
            gate_loss=line.get("gate_loss"),
            valid_accuracy=line.get("valid_accuracy"),
            probabilities=tuple(tuple(row.values()) for row in line["probabilities"].values()),
            expected=line["expected"],
            derived=line["derived"],
            entropy=line["entropy"],
            options=tuple(line["options"]),
        )
        for line in log
    )
