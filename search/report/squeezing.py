"""Search alone, compression alone, and both: accuracy against latency."""

from functools import partial

from proxyless_nas.drawing.labels import along
from proxyless_nas.drawing.markup import Markup, join, tag
from proxyless_nas.drawing.scatter import Dot, dots
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
from proxyless_nas.drawing.words import milliseconds, percent, places_for
from search.report.plane import chance_note, hover, plane
from search.report.story import CompressedNetwork, Story
from search.report.timed import TimedNetwork

WORDS = {
    "both": "searched, then compressed",
    "compression": "hand-made, then compressed",
    "search": "searched",
    "neither": "hand-made, joined in order of width",
}


def squeezing_section(story: Story) -> Markup:
    """Nothing where nothing was compressed."""
    if not story.compressed and not story.refused:
        return Markup("")
    title = tag("h2", "Search, compression, or both")
    refused = [tag("p", f"{name}: {why}", class_="note") for name, why in story.refused.items()]
    if not story.compressed:
        return tag("section", title, *refused)
    said = tag("p", " ".join(verdicts(story)))
    chart = tag("figure", _legend(), both(partial(_chart, story), 860))
    return tag("section", title, said, chart, _table(story), *refused)


def verdicts(story: Story) -> list[str]:
    """A sentence per latency at which compression alone stands beside a searched network."""
    ours, found = story.result, list(story.compressed)
    alone = [one for one in found if one.kind == "compression"]
    if ours is None or not alone:
        return []
    pairs: list[tuple[str, TimedNetwork]] = [("Search alone", ours)]
    pairs += [("Search and compression", one) for one in found if one.kind == "both"]
    lines: list[str] = []
    for what, one in pairs:
        rival = min(alone, key=lambda other: abs(other.measured_ms / one.measured_ms - 1))
        lines.append(
            f"{what}: {percent(one.test_accuracy, 2)} at {milliseconds(one.measured_ms)}; "
            f"compression alone: {percent(rival.test_accuracy, 2)} at "
            f"{milliseconds(rival.measured_ms)}."
        )
    return lines


def _chart(story: Story, width: float) -> Markup:
    curve = sorted(
        (one for one in story.networks if one.family == "hand-made"), key=lambda one: one.macs
    )
    ours = [story.result] if story.result is not None else []
    at = plane(width, [*curve, *ours, *story.compressed])
    joined = [(at.x(one.measured_ms), at.y(100 * one.test_accuracy)) for one in curve]
    points = [_dot(one, disc, "hand-made") for one in curve]
    points += [_dot(one, diamond, "searched") for one in ours]
    points += [_dot(one, *_mark(one)) for one in story.compressed]
    line = polyline(joined, "line hand-made-line thin") if len(joined) > 1 else Markup("")
    drawn = dots(at.x, at.y, points, along(joined))
    what = "Test accuracy against measured latency, with compressed networks"
    return picture(width, at.height, what, frame(at.x, at.y), line, drawn)


def _mark(one: CompressedNetwork) -> tuple[Mark, str]:
    return (diamond, "searched hollow") if one.kind == "both" else (ring, "hand-made")


def _dot(one: TimedNetwork, mark: Mark, class_: str) -> Dot:
    return Dot(one.measured_ms, 100 * one.test_accuracy, mark, class_, hover(one), one.name)


def _legend() -> Markup:
    marks: dict[str, tuple[Mark, str]] = {
        "both": (diamond, "searched hollow"),
        "compression": (ring, "hand-made"),
        "search": (diamond, "searched"),
        "neither": (disc, "hand-made"),
    }
    return legend(
        [(mark(0, 0, WORDS[kind], class_), WORDS[kind]) for kind, (mark, class_) in marks.items()]
    )


def _table(story: Story) -> Markup:
    places = places_for([one.measured_ms for one in story.compressed])
    head = ["network", "what was done", "test accuracy", "before", "measured, ms", "before"]
    rows = [
        [
            one.name,
            one.done,
            percent(one.test_accuracy, 2),
            percent(one.before, 2),
            f"{one.measured_ms:.{places}f}",
            f"{one.before_ms:.{places}f}",
        ]
        for one in sorted(story.compressed, key=lambda one: one.measured_ms)
    ]
    note = chance_note(story.compressed, story.compressed[0].images)
    return join((tag("p", note, class_="quiet caption"), table(head, rows, left=2)))
