"""How the search made up its mind: probabilities per edge, their entropy, and the latency."""

import math
from collections.abc import Sequence
from functools import partial

from proxyless_nas.drawing.markup import Markup, tag
from proxyless_nas.drawing.svg import both, legend
from proxyless_nas.drawing.words import amount, thin
from search.report.changes import changes_figure
from search.report.colours import colours
from search.report.course import Course, SearchPoint
from search.report.lines import Level, Series, line_chart, shares

PANEL = (184.0, 122.0)  # px
MOST_PANEL, MOST_LINE = 120, 400  # points that are drawn
MOST_PANELS = 48


def sharpening_section(course: Course) -> Markup:
    title = tag("h2", "How the search decided")
    if not course.points:
        return tag("section", title, tag("p", "No search was recorded.", class_="note"))
    if len(course.points) == 1:
        note = "Only one point of the search was recorded, so there is no course to draw."
        return tag("section", title, tag("p", note, class_="note"))
    parts: list[str] = [title]
    if course.edges:
        opening = tag("div", title, _intro(course), _legend(course), class_="opening")
        parts = [opening, _panels(course), *changes_figure(course)]
    parts.append(
        tag("div", *([_cost(course)] if course.unit else []), _entropy(course), class_="pair")
    )
    return tag("section", *parts)


def warm_up_span(points: Sequence[SearchPoint]) -> tuple[float, float] | None:
    """First and last step before the search moved its probabilities."""
    steps = [point.step for point in points if point.phase == "warm-up"]
    return (min(steps), max(steps)) if steps else None


def series(name: str, class_: str, pairs: Sequence[tuple[float, float | None]]) -> Series:
    """A line through the points that have a value."""
    kept = [(x, y) for x, y in pairs if y is not None]
    return Series(name, class_, thin(kept, MOST_LINE))


def _intro(course: Course) -> Markup:
    words = (
        "One panel per searched edge: the probabilities of its candidates, stacked; → the kept one."
    )
    if warm_up_span(course.points):
        words += " The pale part is the warm-up, in which only weights were trained."
    if len(course.edges) > MOST_PANELS:
        words += f" The first {MOST_PANELS} of {len(course.edges)} are drawn."
    if len(course.points) > MOST_PANEL:
        words += f" {MOST_PANEL} of {len(course.points)} recorded points are drawn."
    return tag("p", words, class_="quiet caption")


def _legend(course: Course) -> Markup:
    return legend(
        [
            (tag("rect", x=-7, y=-7, width=14, height=14, rx=3, class_=colour), label)
            for label, colour in colours(course).items()
        ]
    )


def _panels(course: Course) -> Markup:
    points = thin(course.points, MOST_PANEL)
    steps = [point.step for point in points]
    palette, span = colours(course), warm_up_span(course.points)
    panels: list[str] = []
    for index, edge in enumerate(course.edges[:MOST_PANELS]):
        rows = [point.probabilities[index] for point in points]
        winner = f"{edge.candidates[edge.kept]}, {rows[-1][edge.kept]:.2f}"
        classes = [palette[label] for label in edge.candidates]
        drawn = shares(
            *PANEL, f"{edge.name}: {winner}", steps, rows, edge.candidates, classes, span
        )
        head = tag("figcaption", tag("strong", edge.name), tag("div", f"→ {winner}"))
        panels.append(tag("figure", head, drawn))
    return tag("div", *panels, class_="panels")


def _cost(course: Course) -> Markup:
    points, span = course.points, warm_up_span(course.points)
    lines = [
        series("derived", "first", [(p.step, p.derived) for p in points]),
        series("expected", "second", [(p.step, p.expected) for p in points]),
    ]
    levels: list[Level] = []
    if course.budget is not None:
        levels.append(Level("budget", "goal", course.budget, course.tolerance))
    draw = partial(
        line_chart,
        x_label="step",
        y_label=f"predicted {'latency' if course.unit == 'ms' else 'cost'}, {course.unit}",
        series=lines,
        levels=levels,
        shaded=span,
    )
    last = points[-1]
    note = (
        "Expected: the mean over the probabilities. Derived: the network that would be the "
        f"answer now. At the end {amount(last.expected, course.unit)} and "
        f"{amount(last.derived, course.unit)}."
    )
    return tag("figure", tag("figcaption", note), both(draw, 500))


def _entropy(course: Course) -> Markup:
    points, span = course.points, warm_up_span(course.points)
    lines = [series("entropy", "first", [(p.step, p.entropy) for p in points])]
    levels: list[Level] = []
    note = "Entropy falls to zero as every edge settles on one candidate."
    if course.edges:
        even = sum(math.log(len(edge.candidates)) for edge in course.edges) / len(course.edges)
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
