"""Chart parts: an axis with round ticks, a frame with grid and labels, marks with tooltips."""

import math
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from proxyless_nas.drawing.markup import Markup, join, number, tag

TEXT = 12.5  # px
Anchor = Literal["start", "middle", "end"]


class Axis(Struct, frozen=True):
    """One direction of a chart: values from `low` to `high` lie on pixels `start` to `end`."""

    label: str
    low: float
    high: float
    start: float
    end: float
    step: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> tuple[float, ...]:
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        return tuple(index * self.step for index in range(first, last + 1))

    def text(self, tick: float) -> str:
        places = max(0, -math.floor(math.log10(self.step) + 1e-9))
        return f"{tick:,.{places}f}"


def axis(
    label: str,
    values: Sequence[float],
    start: float,
    end: float,
    about: int = 5,
    tight: bool = False,
    limit: float = math.inf,
) -> Axis:
    """Ends on round values a little beyond the data, or exactly at the data where `tight`.

    Starts at zero if the data come near it: within half of their largest value. Never goes
    beyond `limit`, for quantities that cannot.
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    if not tight and 0 < low < 0.5 * high:
        low = 0.0
    if high - low <= 1e-12 * max(abs(low), abs(high), 1.0):
        pad = 0.1 * abs(high) or 1.0
        low, high = low - pad, high + pad
    step = round_step(high - low, about)
    if not tight:
        margin = 0.04 * (high - low)
        low, high = low - margin if low else low, high + margin
        low = step * math.floor(low / step + 1e-9)
        high = min(limit, step * math.ceil(high / step - 1e-9))
    return Axis(label, low, high, start, end, step)


def round_step(span: float, about: int) -> float:
    """1, 2 or 5 times a power of ten, so that `span` holds about `about` steps."""
    rough = span / about
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if rough <= power * factor * 1.0001)


def picture(width: float, height: float, description: str, *parts: str) -> Markup:
    """An svg element that scales with the page; `description` is read aloud."""
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        aria_label=description,
        style=f"max-width:{number(1.25 * width)}px",
    )


def frame(x: Axis, y: Axis) -> Markup:
    """Grid, ticks and the names of both axes; the y name lies on top, where it reads level."""
    parts: list[str] = []
    for tick in y.ticks:
        parts.append(tag("line", x1=x.start, x2=x.end, y1=y(tick), y2=y(tick), class_="grid"))
        parts.append(words(x.start - 8, y(tick) + 4, y.text(tick), "end", "tick"))
    for tick in x.ticks:
        parts.append(tag("line", x1=x(tick), x2=x(tick), y1=y.start, y2=y.start + 5, class_="axis"))
        parts.append(words(x(tick), y.start + 19, x.text(tick), "middle", "tick"))
    parts.append(tag("line", x1=x.start, x2=x.end, y1=y.start, y2=y.start, class_="axis"))
    parts.append(words((x.start + x.end) / 2, y.start + 38, x.label, "middle", "name"))
    parts.append(words(2, y.end - 22, y.label, "start", "name"))
    return join(parts)


def words(x: float, y: float, text: str, anchor: Anchor = "start", class_: str = "") -> Markup:
    return tag("text", text, x=x, y=y, text_anchor=anchor, class_=class_ or None)


def polyline(
    points: Sequence[tuple[float, float]], class_: str, title: str | None = None
) -> Markup:
    """A line through pixel positions; with two points or more there is something to see."""
    path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    children = () if title is None else (tag("title", title),)
    return tag("polyline", *children, points=path, class_=class_)


def disc(x: float, y: float, title: str, class_: str) -> Markup:
    return tag("circle", tag("title", title), cx=x, cy=y, r=5, class_=class_)


def ring(x: float, y: float, title: str, class_: str) -> Markup:
    return tag("circle", tag("title", title), cx=x, cy=y, r=4, class_=f"{class_} hollow")


def diamond(x: float, y: float, title: str, class_: str) -> Markup:
    corners = ((x, y - 9), (x + 9, y), (x, y + 9), (x - 9, y))
    points = " ".join(f"{number(a)},{number(b)}" for a, b in corners)
    return tag("polygon", tag("title", title), points=points, class_=class_)


Mark = Callable[[float, float, str, str], Markup]


def both(draw: Callable[[float], Markup], wide: float, narrow: float = 340) -> Markup:
    """The same picture for a desk and for a phone; the style sheet shows one of them."""
    return join((tag("div", draw(wide), class_="wide"), tag("div", draw(narrow), class_="narrow")))


def legend(entries: Sequence[tuple[Markup, str]]) -> Markup:
    """A line of (16 x 16 symbol, meaning)."""
    return tag(
        "p",
        *(
            tag("span", tag("svg", symbol, viewBox="-8 -8 16 16", class_="key"), meaning)
            for symbol, meaning in entries
        ),
        class_="legend",
    )
