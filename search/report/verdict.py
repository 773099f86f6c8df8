"""What came out, in words that stay true when the search did not win."""

import math

from msgspec import Struct

from proxyless_nas.drawing.words import milliseconds, percent, signed_percent, times
from search.report.story import Story, TrainedNetwork
from search.report.timed import fastest_at_least


class Comparison(Struct, frozen=True):
    """The hand-made network to beat: `ratio` is its latency over ours."""

    rival: TrainedNetwork
    reaches: bool  # is it at least as accurate as ours?
    ratio: float


def comparison(story: Story) -> Comparison | None:
    """The fastest hand-made network of at least equal accuracy, else the most accurate one."""
    ours = story.result
    hand_made = [each for each in story.networks if each.family == "hand-made"]
    if ours is None or not hand_made:
        return None
    equal = fastest_at_least(hand_made, ours.test_accuracy)
    best = max(hand_made, key=lambda each: (each.test_accuracy, -each.measured_ms))
    rival = equal or best
    return Comparison(rival, equal is not None, rival.measured_ms / ours.measured_ms)


def speed_verdict(story: Story) -> str:
    """One or two sentences on the comparison with the hand-made networks."""
    ours, found = story.result, comparison(story)
    if ours is None or found is None:
        return "No hand-made network was trained beside it, so there is nothing to compare with."
    rival = found.rival
    takes = f"takes {milliseconds(rival.measured_ms)}, {_as_long(found.ratio)}"
    if found.reaches:
        ending = "" if found.ratio > 1 else " The search did not beat it."
        return (
            f"The fastest hand-made network of at least equal accuracy, {rival.name} "
            f"({percent(rival.test_accuracy, 2)}), {takes}.{ending}"
        )
    gap = 100 * (ours.test_accuracy - rival.test_accuracy)
    return (
        f"No hand-made network reaches {percent(ours.test_accuracy, 2)}. The most accurate, "
        f"{rival.name}, is less accurate by {gap:.2f} points and {takes}."
    )


def target_verdict(story: Story, ours: TrainedNetwork) -> str:
    """How the measured latency lies to the target and its tolerance."""
    off = ours.measured_ms / story.target_ms - 1
    asked = f"the target of {milliseconds(story.target_ms)}"
    allowed = f"the tolerance of ± {percent(story.tolerance)}"
    if abs(off) <= story.tolerance:
        return f"{signed_percent(off)} from {asked}, within {allowed}"
    side = "slower than asked" if off > 0 else "faster than asked"
    return f"{signed_percent(off)} from {asked}, outside {allowed}: {side}"


def standard_error(accuracy: float, images: int | None) -> float | None:
    """Of an accuracy counted on `images` independent images: sqrt(p (1 - p) / n)."""
    return math.sqrt(accuracy * (1 - accuracy) / images) if images else None


def _as_long(ratio: float) -> str:
    return f"{times(ratio)} as long as the searched one"
