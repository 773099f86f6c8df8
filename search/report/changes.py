"""The derived network over time: a row per decision, coloured by what would be chosen."""

from functools import partial
from itertools import groupby

from proxyless_nas.drawing.labels import text_width
from proxyless_nas.drawing.markup import Markup, tag
from proxyless_nas.drawing.svg import axis, both, picture, words
from search.report.colours import colours
from search.report.course import Course

ROW, THIN, MANY = 15.0, 4.0, 48  # px, px, decisions from which on rows are thin and nameless


def changes_figure(course: Course) -> list[Markup]:
    """One figure; none where the log does not say what was derived."""
    points = [point for point in course.points if point.options]
    if len(points) < 2 or not course.edges:
        return []
    pairs = zip(points[-2::-1], points[:0:-1], strict=True)
    last = next((new.step for old, new in pairs if old.options != new.options), None)
    end = "It never changed." if last is None else f"It last changed at step {last:,}."
    note = f"The network that would have been derived, over time: a row per edge. {end}"
    return [tag("figure", tag("figcaption", note), both(partial(_draw, course), 860))]


def _draw(course: Course, width: float) -> Markup:
    points = [point for point in course.points if point.options]
    named = len(course.edges) <= MANY
    row = ROW if named else THIN
    room = max(text_width(edge.name) for edge in course.edges) + 10 if named else 4
    steps = [float(point.step) for point in points]
    x = axis("step", steps, room, width - 12, tight=True)
    palette, parts = colours(course), []
    for index, edge in enumerate(course.edges):
        top = 4 + row * index
        if named:
            parts.append(words(0, top + row - 4, edge.name, class_="tick"))
        begin = x.low
        chosen = [(point.step, point.options[index]) for point in points]
        for option, run in groupby(chosen, key=lambda pair: pair[1]):
            until = list(run)[-1][0]
            label = edge.candidates[option]
            title = tag("title", f"{edge.name}: {label} until step {until}")
            box = {"x": x(begin), "y": top, "width": x(until) - x(begin), "height": row - 1}
            parts.append(tag("rect", title, class_=palette[label], **box))
            begin = until
    bottom = 8 + row * len(course.edges)
    for tick in x.ticks:
        parts.append(tag("line", x1=x(tick), x2=x(tick), y1=bottom - 4, y2=bottom, class_="axis"))
        parts.append(words(x(tick), bottom + 14, x.text(tick), "middle", "tick"))
    parts.append(words((x.start + x.end) / 2, bottom + 30, x.label, "middle", "name"))
    return picture(width, bottom + 36, "The derived network over time", *parts)
