"""How the search made up its mind: probabilities per edge, their entropy, and the latency."""

import math
from collections.abc import Sequence
from functools import partial

from proxyless_nas.drawing.markup import Markup, tag
from proxyless_nas.drawing.svg import both, legend
from proxyless_nas.drawing.words import milliseconds, thin
from search.report.colours import colours
from search.report.lines import Level, Series, line_chart, shares
from search.report.story import SearchPoint, Story

PANEL = (184.0, 122.0)  # px
MOST_PANEL, MOST_LINE = 120, 400  # points that are drawn


def sharpening_section(story: Story) -> Markup:
    title = tag("h2", "How the search decided")
    if not story.points:
        return tag("section", title, tag("p", "No search was recorded.", class_="note"))
    if len(story.points) == 1:
        note = "Only one point of the search was recorded, so there is no course to draw."
        return tag("section", title, tag("p", note, class_="note"))
    parts: list[str] = [title]
    if story.edges:
        opening = tag("div", title, _intro(story), _legend(story), class_="opening")
        parts = [opening, _panels(story)]
    parts.append(tag("div", _latency(story), _entropy(story), class_="pair"))
    return tag("section", *parts)


def warm_up_span(points: Sequence[SearchPoint]) -> tuple[float, float] | None:
    """First and last step before the search moved its probabilities."""
    steps = [point.step for point in points if point.phase == "warm-up"]
    return (min(steps), max(steps)) if steps else None


def series(name: str, class_: str, pairs: Sequence[tuple[float, float | None]]) -> Series:
    """A line through the points that have a value."""
    kept = [(x, y) for x, y in pairs if y is not None]
    return Series(name, class_, thin(kept, MOST_LINE))


def _intro(story: Story) -> Markup:
    words = (
        "One panel per searched edge: the probabilities of its candidates, stacked; → the kept one."
    )
    if warm_up_span(story.points):
        words += " The pale part is the warm-up, in which only weights were trained."
    if len(story.points) > MOST_PANEL:
        words += f" {MOST_PANEL} of {len(story.points)} recorded points are drawn."
    return tag("p", words, class_="quiet caption")


def _legend(story: Story) -> Markup:
    return legend(
        [
            (tag("rect", x=-7, y=-7, width=14, height=14, rx=3, class_=colour), label)
            for label, colour in colours(story).items()
        ]
    )


def _panels(story: Story) -> Markup:
    points = thin(story.points, MOST_PANEL)
    steps = [point.step for point in points]
    palette, span = colours(story), warm_up_span(story.points)
    panels: list[str] = []
    for index, edge in enumerate(story.edges):
        rows = [point.probabilities[index] for point in points]
        winner = f"{edge.candidates[edge.kept]}, {rows[-1][edge.kept]:.2f}"
        classes = [palette[label] for label in edge.candidates]
        drawn = shares(
            *PANEL, f"{edge.name}: {winner}", steps, rows, edge.candidates, classes, span
        )
        head = tag("figcaption", tag("strong", edge.name), tag("div", f"→ {winner}"))
        panels.append(tag("figure", head, drawn))
    return tag("div", *panels, class_="panels")


def _latency(story: Story) -> Markup:
    points, span = story.points, warm_up_span(story.points)
    lines = [
        series("derived", "first", [(p.step, p.derived_ms) for p in points]),
        series("expected", "second", [(p.step, p.expected_ms) for p in points]),
    ]
    level = Level("target", "goal", story.target_ms, story.tolerance)
    draw = partial(
        line_chart,
        x_label="step",
        y_label="predicted latency, ms",
        series=lines,
        levels=[level],
        shaded=span,
    )
    note = (
        "Expected: the mean over the probabilities. Derived: the likeliest network that "
        "meets the target. "
        f"At the end {milliseconds(points[-1].expected_ms)} and "
        f"{milliseconds(points[-1].derived_ms)}."
    )
    return tag("figure", tag("figcaption", note), both(draw, 500))


def _entropy(story: Story) -> Markup:
    points, span = story.points, warm_up_span(story.points)
    lines = [series("entropy", "first", [(p.step, p.entropy) for p in points])]
    levels: list[Level] = []
    note = "Entropy falls to zero as every edge settles on one candidate."
    if story.edges:
        even = sum(math.log(len(edge.candidates)) for edge in story.edges) / len(story.edges)
        levels.append(Level("undecided", "quiet", even))
        note = f"{note} Undecided edges have {even:.2f} nats; the end has {points[-1].entropy:.2f}."
    draw = partial(
        line_chart,
        x_label="step",
        y_label="entropy, nats per edge",
        series=lines,
        levels=levels,
        shaded=span,
    )
    return tag("figure", tag("figcaption", note), both(draw, 500))
