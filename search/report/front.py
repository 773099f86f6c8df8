"""What a search's networks win over others at equal latency, in words that stay true if nothing."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from msgspec import Struct

from proxyless_nas.drawing.words import milliseconds, percent, times
from search.report.checks import positive
from search.report.timed import TimedNetwork, fastest_at_least, front_of
from search.report.verdict import standard_error

Family = Literal["searched", "beside"]


class FrontNetwork(TimedNetwork, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A network that a search found, or one that stands beside those to compare with."""

    family: Family
    predicted_ms: float | None = None


class Front(Struct, frozen=True, forbid_unknown_fields=True):
    """Networks that were scored on the same images and timed in one session.

    `place` says when and where that was, `scored_on` which images, `images` how many; `notes` are
    sentences on what makes the networks less comparable than they look. ValueError without
    networks or images.
    """

    networks: tuple[FrontNetwork, ...]
    place: str
    scored_on: str
    images: int
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        positive("networks and images", [len(self.networks), self.images])

    @property
    def best(self) -> tuple[FrontNetwork, ...]:
        """The Pareto front of all networks, the fastest first."""
        return front_of(self.networks)

    @property
    def beside(self) -> tuple[FrontNetwork, ...]:
        """The networks to compare with."""
        return tuple(each for each in self.networks if each.family == "beside")

    @property
    def verdicts(self) -> tuple[str, ...]:
        """A sentence or two for every searched network, the fastest first."""
        searched = [each for each in self.networks if each.family == "searched"]
        ordered = sorted(searched, key=lambda each: each.measured_ms)
        return tuple(front_verdict(each, self.beside, self.images) for each in ordered)


class Between(Struct, frozen=True):
    """A point on the line from one network to a slower one, a `share` of the way along it.

    A point at a network lies between it and itself.
    """

    faster: FrontNetwork
    slower: FrontNetwork
    share: float

    @property
    def test_accuracy(self) -> float:
        """A fraction of 1."""
        start, end = self.faster.test_accuracy, self.slower.test_accuracy
        return start + self.share * (end - start)

    def standard_errors(self, images: int) -> tuple[float, ...]:
        """Of the two accuracies, as much of each as is in this one."""
        parts = ((self.faster, 1 - self.share), (self.slower, self.share))
        return tuple(part * _standard_error(each, images) for each, part in parts)


def at_latency(front: Sequence[FrontNetwork], ms: float) -> Between | None:
    """Where the joined line of a front, the fastest first, passes this latency, in ms.

    None where it does not: before the fastest network and behind the most accurate one.
    """
    for each in front:
        if each.measured_ms == ms:
            return at_network(each)
    for faster, slower in pairwise(front):
        if faster.measured_ms < ms < slower.measured_ms:
            share = (ms - faster.measured_ms) / (slower.measured_ms - faster.measured_ms)
            return Between(faster, slower, share)
    return None


def at_network(each: FrontNetwork) -> Between:
    """The point where a network lies."""
    return Between(each, each, 0.0)


class Lead(Struct, frozen=True):
    """By how much one accuracy is above another, as fractions of 1, and its standard error.

    The error is that of two independent counts. The networks answered the same images, so it is
    rather too large; what another training run would give is not in it.
    """

    gain: float
    error: float

    def __str__(self) -> str:
        chance = " (less than two standard errors)" if abs(self.gain) < 2 * self.error else ""
        return f"{100 * abs(self.gain):.2f} ± {100 * self.error:.2f} points{chance}"

    @property
    def wins(self) -> str:
        """`wins` or `loses`, with how much."""
        return f"{'wins' if self.gain >= 0 else 'loses'} {self}"


def lead(own: FrontNetwork, other: Between, images: int) -> Lead:
    """What `own` has over a point of the other networks' front."""
    errors = _standard_error(own, images), *other.standard_errors(images)
    return Lead(own.test_accuracy - other.test_accuracy, math.hypot(*errors))


def front_verdict(own: FrontNetwork, beside: Sequence[FrontNetwork], images: int) -> str:
    """How a searched network compares with the others at its latency.

    Between two networks of the others' own front, what they reach is interpolated; outside of it
    nothing is: there the nearest network is named, with what it takes.
    """
    if not beside:
        return f"{_said(own)}: nothing stands beside it to compare with."
    front = front_of(beside)
    met = at_latency(front, own.measured_ms)
    if met is not None:
        where = met.faster.name
        if met.slower is not met.faster:
            where = f"on the line from {where} to {met.slower.name}"
        return (
            f"{_said(own)}: in that time the others reach {percent(met.test_accuracy, 2)} "
            f"({where}), so it {lead(own, met, images).wins}.{_equal(own, beside)}"
        )
    if own.measured_ms < front[0].measured_ms:
        return f"{_said(own)}: {_before(own, front[0], images)}{_equal(own, beside, front[0])}"
    last = front[-1]
    return (
        f"{_said(own)}: the others' front ends before, at {_said(last)}; it "
        f"{lead(own, at_network(last), images).wins} against that one.{_equal(own, beside)}"
    )


def _before(own: FrontNetwork, first: FrontNetwork, images: int) -> str:
    ahead = lead(own, at_network(first), images)
    side = "less" if ahead.gain >= 0 else "more"
    return (
        f"none of the others is as fast. The fastest, {first.name}, takes {_as_long(first, own)} "
        f"and is {side} accurate by {ahead}."
    )


def _equal(
    own: FrontNetwork, beside: Sequence[FrontNetwork], told: FrontNetwork | None = None
) -> str:
    """What the others take for the same accuracy, unless that has been `told` already."""
    rival = fastest_at_least(beside, own.test_accuracy)
    if rival is None:
        return " None of the others is as accurate."
    if rival is told:
        return ""
    return (
        f" The fastest of the others that is at least as accurate, {rival.name}, takes "
        f"{_as_long(rival, own)}."
    )


def _as_long(other: FrontNetwork, own: FrontNetwork) -> str:
    return f"{times(other.measured_ms / own.measured_ms)} as long"


def _said(each: FrontNetwork) -> str:
    return f"{each.name} ({percent(each.test_accuracy, 2)} in {milliseconds(each.measured_ms)})"


def _standard_error(each: FrontNetwork, images: int) -> float:
    error = standard_error(each.test_accuracy, images)
    assert error is not None, "a front has images"
    return error
