"""Networks as points, accurate and fast to some degree, and which of them are worth having."""

from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct

from search.report.checks import fractions, positive


class TimedNetwork(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A network that was scored once and timed on the device.

    `test_accuracy` is a fraction of 1. `measured_ms` is the latency of record; the percentiles
    show how single runs spread. ValueError for figures that no network can have.
    """

    name: str
    test_accuracy: float
    macs: int
    measured_ms: float
    measured_p50_ms: float
    measured_p90_ms: float

    def __post_init__(self) -> None:
        fractions(f"network {self.name}: test_accuracy", [self.test_accuracy])
        times = [self.measured_ms, self.measured_p50_ms, self.measured_p90_ms]
        positive(f"network {self.name}: latency", times)


Timed = TypeVar("Timed", bound=TimedNetwork)


def front_of(networks: Sequence[Timed]) -> tuple[Timed, ...]:
    """The Pareto front of accuracy and latency, the fastest first.

    A network is on it unless another is at least as accurate and at least as fast, and better in
    one of the two.
    """
    front = (one for one in networks if not any(_beats(other, one) for other in networks))
    return tuple(sorted(front, key=lambda each: each.measured_ms))


def fastest_at_least(networks: Sequence[Timed], accuracy: float) -> Timed | None:
    """The fastest network of at least this accuracy, a fraction of 1; None where there is none."""
    reaching = (each for each in networks if each.test_accuracy >= accuracy)
    return min(reaching, key=lambda each: each.measured_ms, default=None)


def _beats(one: TimedNetwork, other: TimedNetwork) -> bool:
    ahead = one.test_accuracy - other.test_accuracy, other.measured_ms - one.measured_ms
    return min(ahead) >= 0 and max(ahead) > 0
