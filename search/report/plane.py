"""The plane of measured latency and accuracy: its axes, and words on the networks in it."""

from collections.abc import Sequence

from msgspec import Struct

from proxyless_nas.drawing.svg import Axis, axis
from proxyless_nas.drawing.words import milliseconds, percent
from search.report.timed import TimedNetwork
from search.report.verdict import standard_error

NARROW = 500.0  # px, below it a chart is drawn for a phone


class Plane(Struct, frozen=True):
    """Latency in ms to the right, accuracy in % upwards, in a picture of `height` pixels."""

    x: Axis
    y: Axis
    height: float


def plane(
    width: float,
    networks: Sequence[TimedNetwork],
    accuracy: str = "test accuracy",
    also_ms: Sequence[float] = (),
) -> Plane:
    """Axes that hold the networks, and latencies besides theirs, `width` pixels wide."""
    height = 0.4 * width + 134
    about = 4 if width < NARROW else 8
    times = [*(each.measured_ms for each in networks), *also_ms]
    accuracies = [100 * each.test_accuracy for each in networks]
    return Plane(
        axis("measured latency, ms", times, 48, width - 16, about=about),
        axis(f"{accuracy}, %", accuracies, height - 46, 52, limit=100),
        height,
    )


def hover(each: TimedNetwork) -> str:
    """What a mark says when it is pointed at."""
    return (
        f"{each.name}: {percent(each.test_accuracy, 2)} at {milliseconds(each.measured_ms)} "
        f"(p50 {milliseconds(each.measured_p50_ms)}, p90 {milliseconds(each.measured_p90_ms)})"
    )


def chance_note(
    networks: Sequence[TimedNetwork], images: int | None, scored_on: str = "test images"
) -> str:
    """How far accuracies on so many images may differ by chance; nothing where that is unknown."""
    best = max(each.test_accuracy for each in networks)
    error = standard_error(best, images)
    if error is None:
        return ""
    return (
        f"Accuracies closer than about {200 * error:.1f} points (two standard errors on "
        f"{images:,} {scored_on}) may differ by chance."
    )
