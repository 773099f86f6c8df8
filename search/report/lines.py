"""Line charts with a name at the end of every line, and shares stacked over time."""

from collections.abc import Sequence

from msgspec import Struct

from proxyless_nas.drawing.labels import spread, text_width
from proxyless_nas.drawing.markup import Markup, join, number, tag
from proxyless_nas.drawing.svg import Axis, axis, disc, frame, picture, polyline, words


class Series(Struct, frozen=True):
    """One line: pairs of (x, y) in data units."""

    name: str
    class_: str
    points: tuple[tuple[float, float], ...]


class Level(Struct, frozen=True):
    """A dashed horizontal line, with a band below it of a fraction `tolerance` of its value."""

    name: str
    class_: str
    value: float
    tolerance: float = 0.0


def line_chart(
    width: float,
    x_label: str,
    y_label: str,
    series: Sequence[Series],
    levels: Sequence[Level] = (),
    shaded: tuple[float, float] | None = None,
) -> Markup:
    """Lines over a common x; `shaded` is the span of the warm-up."""
    series = [each for each in series if each.points]
    height = 0.42 * width + 108
    room = max((text_width(each.name) for each in [*series, *levels]), default=0.0) + 14
    xs = [point[0] for each in series for point in each.points]
    ys = [point[1] for each in series for point in each.points]
    ys += [edge for each in levels for edge in _edges(each)]
    x = axis(x_label, xs, 52, width - room, about=4 if width < 400 else 5, tight=True)
    y = axis(y_label, ys, height - 46, 42)
    parts: list[str] = [warm_up(x, y, shaded), frame(x, y)]
    ends: list[tuple[float, str, str]] = []
    for level in levels:
        parts.append(_level(x, y, level))
        ends.append((y(level.value), level.name, level.class_))
    for each in series:
        pixels = [(x(a), y(b)) for a, b in each.points]
        if len(pixels) == 1:
            parts.append(disc(*pixels[0], each.name, each.class_))
        parts.append(polyline(pixels, f"line {each.class_}-line", each.name))
        ends.append((pixels[-1][1], each.name, each.class_))
    tops = spread([end[0] for end in ends], 15, y.end, y.start)
    for top, (_, name, class_) in zip(tops, ends, strict=True):
        parts.append(words(x.end + 7, top + 4, name, "start", f"label {class_}-text"))
    names = ", ".join(end[1] for end in ends)
    return picture(width, height, f"{y_label} over {x_label}: {names}", *parts)


def shares(
    width: float,
    height: float,
    description: str,
    steps: Sequence[float],
    rows: Sequence[Sequence[float]],
    names: Sequence[str],
    classes: Sequence[str],
    shaded: tuple[float, float] | None = None,
) -> Markup:
    """Stacked areas that fill 0..1: `rows` holds one share per name for every step."""
    x = axis("step", steps, 30, width - 12, about=2, tight=True)
    y = Axis("", 0.0, 1.0, height - 36, 6, 0.5)
    parts: list[str] = []
    below = [0.0] * len(steps)
    for index, (name, class_) in enumerate(zip(names, classes, strict=True)):
        above = [under + row[index] for under, row in zip(below, rows, strict=True)]
        top = [
            f"{number(x(step))},{number(y(value))}"
            for step, value in zip(steps, above, strict=True)
        ]
        bottom = [
            f"{number(x(step))},{number(y(value))}"
            for step, value in zip(steps, below, strict=True)
        ]
        title = tag(
            "title", f"{name}: {rows[0][index]:.2f} at first, {rows[-1][index]:.2f} at the end"
        )
        points = " ".join([*top, *reversed(bottom)])
        parts.append(tag("polygon", title, points=points, class_=f"area {class_}"))
        below = above
    parts.append(warm_up(x, y, shaded, "veil"))
    for value, text in ((0.0, "0"), (0.5, "½"), (1.0, "1")):
        parts.append(words(x.start - 6, y(value) + 4, text, "end", "tick"))
        parts.append(
            tag("line", x1=x.start - 4, x2=x.start, y1=y(value), y2=y(value), class_="axis")
        )
    for tick in x.ticks:
        at = x(tick)
        parts.append(tag("line", x1=at, x2=at, y1=y.start, y2=y.start + 4, class_="axis"))
        parts.append(words(at, y.start + 17, x.text(tick), "middle", "tick"))
    parts.append(tag("line", x1=x.start, x2=x.end, y1=y.start, y2=y.start, class_="axis"))
    parts.append(words((x.start + x.end) / 2, y.start + 32, x.label, "middle", "name"))
    return picture(width, height, description, *parts)


def warm_up(x: Axis, y: Axis, span: tuple[float, float] | None, class_: str = "warm-up") -> Markup:
    """The span of the warm-up, shaded, with its name where it fits."""
    if span is None or x(span[1]) - max(x(span[0]), x.start) < 2:
        return Markup("")
    left, right = max(x(span[0]), x.start), x(span[1])
    title = tag("title", f"warm-up: step {span[0]:g} to {span[1]:g}")
    box = {"x": left, "y": y.end, "width": right - left, "height": y.start - y.end}
    parts = [tag("rect", title, class_=class_, **box)]
    if right - left > text_width("warm-up", 11) and class_ == "warm-up":
        parts.append(words((left + right) / 2, y.end - 5, "warm-up", "middle", "tick"))
    return join(parts)


def _edges(level: Level) -> tuple[float, float]:
    return level.value * (1 - level.tolerance), level.value


def _level(x: Axis, y: Axis, level: Level) -> Markup:
    low, high = (y(edge) for edge in _edges(level))
    size = {"x": x.start, "y": high, "width": x.end - x.start, "height": low - high}
    band = [tag("rect", class_="band", **size)] if level.tolerance else []
    at = y(level.value)
    line = tag("line", x1=x.start, x2=x.end, y1=at, y2=at, class_=f"dashed {level.class_}-line")
    return join([*band, line])
