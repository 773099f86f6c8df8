"""A scatter chart: marks with tooltips, and words beside the ones that matter."""

from collections.abc import Sequence

from msgspec import Struct

from proxyless_nas.drawing.labels import Box, around, place, text_width
from proxyless_nas.drawing.markup import Markup, join, tag
from proxyless_nas.drawing.svg import TEXT, Axis, Mark, words


class Dot(Struct, frozen=True):
    """One point in data units; `label` is written beside it, `title` shows on hover."""

    x: float
    y: float
    mark: Mark
    class_: str
    title: str
    label: str | None = None


def dots(x: Axis, y: Axis, points: Sequence[Dot], taken: Sequence[Box] = ()) -> Markup:
    """Marks in the given order (the last lies on top), then their labels; `taken` stays free."""
    marks = [point.mark(x(point.x), y(point.y), point.title, point.class_) for point in points]
    blocked = [*taken, *(around(x(point.x), y(point.y), 7) for point in points)]
    named = [point for point in reversed(points) if point.label is not None]
    wanted = [(x(point.x), y(point.y), point.label or "") for point in named]
    labels = place(wanted, blocked, Box(x.start - 8, y.end, x.end + 8, y.start))
    texts = [
        words(label.x, label.y, label.text, label.anchor, f"label {point.class_}-text")
        for label, point in zip(labels, named, strict=True)
    ]
    return join([*marks, *texts])


def upright(x: Axis, y: Axis, value: float, tolerance: float, text: str) -> tuple[Markup, Box]:
    """A dashed vertical line with a band of a fraction `tolerance`; also where its text lies."""
    left = max(x(value * (1 - tolerance)), x.start)
    right = min(x(value * (1 + tolerance)), x.end)
    at = x(value)
    room = text_width(text, TEXT) / 2
    centre = min(max(at, x.start + room), x.end - room)
    drawn = join(
        (
            tag("rect", x=left, y=y.end, width=right - left, height=y.start - y.end, class_="band"),
            tag("line", x1=at, x2=at, y1=y.end, y2=y.start, class_="target"),
            words(centre, y.end - 4, text, "middle", "target-text"),
        )
    )
    return drawn, Box(at - 3, y.end, at + 3, y.start)
