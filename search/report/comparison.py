"""Accuracy against measured latency: every trained network in one chart and one table."""

from functools import partial

from proxyless_nas.drawing.labels import along
from proxyless_nas.drawing.markup import Markup, join, tag
from proxyless_nas.drawing.scatter import Dot, dots, upright
from proxyless_nas.drawing.svg import (
    Mark,
    both,
    diamond,
    disc,
    frame,
    legend,
    picture,
    polyline,
    ring,
)
from proxyless_nas.drawing.tables import table
from proxyless_nas.drawing.words import count, milliseconds, percent, places_for, signed_percent
from search.report.plane import NARROW, chance_note, hover, plane
from search.report.story import Family, Story, TrainedNetwork

MARKS: dict[Family, Mark] = {"random": ring, "hand-made": disc, "searched": diamond}


def comparison_section(story: Story) -> Markup:
    title = tag("h2", "Accuracy against latency")
    if not story.networks:
        return tag("section", title, tag("p", "No network has been trained yet.", class_="note"))
    chart = tag("figure", _legend(story), both(partial(_chart, story), 860))
    return tag("section", title, chart, _table(story))


def _chart(story: Story, width: float) -> Markup:
    reach = [story.target_ms * (1 + sign * story.tolerance) for sign in (-2, 2)]
    at = plane(width, story.networks, also_ms=reach)
    x, y = at.x, at.y
    line, taken = upright(x, y, story.target_ms, story.tolerance, _target(story))
    curve = sorted(
        (each for each in story.networks if each.family == "hand-made"), key=lambda e: e.macs
    )
    joined = [(x(each.measured_ms), y(100 * each.test_accuracy)) for each in curve]
    parts = [frame(x, y), line]
    if len(joined) > 1:
        parts.append(polyline(joined, "line hand-made-line thin"))
    upwards = sorted(story.networks, key=lambda each: list(MARKS).index(each.family))
    drawn = [_dot(each, width < NARROW) for each in upwards]
    parts.append(dots(x, y, drawn, [taken, *along(joined)]))
    return picture(width, at.height, "Test accuracy against measured latency", *parts)


def _dot(each: TrainedNetwork, narrow: bool) -> Dot:
    name = _short(each) if narrow else each.name
    return Dot(
        each.measured_ms,
        100 * each.test_accuracy,
        MARKS[each.family],
        each.family,
        hover(each),
        None if each.family == "random" else name,
    )


def _short(each: TrainedNetwork) -> str:
    """For a phone: colour and mark say the family already."""
    if each.family == "searched" and each.name.startswith("searched"):
        return "searched"
    return each.name.removeprefix(f"{each.family}-")


def _target(story: Story) -> str:
    return f"target {milliseconds(story.target_ms)} ± {percent(story.tolerance)}"


def _legend(story: Story) -> Markup:
    meaning = {
        "searched": "searched",
        "hand-made": "hand-made, joined in order of width",
        "random": "drawn at random from the space",
    }
    present = {each.family for each in story.networks}
    entries = [
        (mark(0, 0, meaning[family], family), meaning[family])
        for family, mark in reversed(MARKS.items())
        if family in present
    ]
    band = tag("rect", x=-6, y=-8, width=12, height=16, class_="band")
    middle = tag("line", x1=0, x2=0, y1=-8, y2=8, class_="target")
    return legend([*entries, (join((band, middle)), "target, with its tolerance")])


def _table(story: Story) -> Markup:
    networks = sorted(story.networks, key=lambda each: each.measured_ms)
    places = places_for([each.measured_ms for each in networks])
    head = [
        "network",
        "family",
        "test accuracy",
        "measured, ms",
        "p50 to p90, ms",
        "predicted, ms",
        "against target",
        "parameters",
        "MACs",
        "epochs",
        "seed",
    ]
    rows = [
        [
            each.name,
            each.family,
            percent(each.test_accuracy, 2),
            f"{each.measured_ms:.{places}f}",
            f"{each.measured_p50_ms:.{places}f} to {each.measured_p90_ms:.{places}f}",
            f"{each.predicted_ms:.{places}f}",
            signed_percent(each.measured_ms / story.target_ms - 1),
            count(each.parameters),
            count(each.macs),
            str(each.epochs),
            str(each.seed),
        ]
        for each in networks
    ]
    strong = [i for i, each in enumerate(networks) if each.name == story.searched]
    note = f"All networks, the fastest first. {chance_note(networks, story.test_images)}".strip()
    caption = tag("p", note, class_="quiet caption")
    return join((caption, table(head, rows, left=2, strong=strong)))
