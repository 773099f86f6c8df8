"""Put pictures into files that need nothing else: an HTML page, or one SVG."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from proxyless_nas.drawing.markup import Markup, join, number, tag
from proxyless_nas.drawing.style import picture_style, style
from proxyless_nas.drawing.svg import both, words
from proxyless_nas.files import write_bytes

WIDTH = 860.0  # px
TITLE, LINE, EDGE = 30.0, 17.0, 14.0  # px
VIEW = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


class Chart(Struct, frozen=True):
    """A picture with what it is called and what must be known to read it.

    `draw` takes a width in pixels and returns an svg element.
    """

    title: str
    note: str
    draw: Callable[[float], Markup]


def document(title: str, *content: str) -> str:
    """A whole page as text."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup(style())),
    )
    page = tag("html", head, tag("body", tag("main", *content)), lang="en")
    return f"<!doctype html>\n{page}\n"


def write_page(
    path: str | Path,
    title: str,
    introduction: str,
    charts: Sequence[Chart],
    first: Sequence[Markup] = (),
) -> None:
    """Write the charts below each other as one HTML page, atomically; `first` stands above them."""
    top = tag("header", tag("h1", title), tag("p", introduction, class_="quiet"))
    text = document(title, top, *first, *map(_section, charts))
    write_bytes(path, text.encode("utf-8", "replace"))


def write_svg(path: str | Path, chart: Chart) -> None:
    """Write one chart, with its title and note, as an SVG file, atomically."""
    write_bytes(path, svg_file(chart).encode("utf-8", "replace"))


def svg_file(chart: Chart) -> str:
    """The text of an SVG file: black on white, no variables, no script."""
    drawn = chart.draw(WIDTH)
    view = VIEW.search(drawn)
    assert view is not None, "a picture has a viewBox"
    width, height = float(view[1]), float(view[2])
    lines = _wrapped(chart.note, width)
    top = TITLE + LINE * len(lines) + 12
    place = f'<svg x="{EDGE:g}" y="{top + EDGE:g}" width="{view[1]}" height="{view[2]}" '
    inner = Markup(drawn.replace("<svg ", place, 1))
    whole = (width + 2 * EDGE, top + height + 2 * EDGE)
    head = tag("text", chart.title, x=EDGE, y=EDGE + 16, style="font-size: 17px; font-weight: 650")
    notes = [
        words(EDGE, EDGE + TITLE + LINE * index + 8, line, class_="name")
        for index, line in enumerate(lines)
    ]
    text = tag(
        "svg",
        tag("style", Markup(picture_style())),
        tag("rect", x=0, y=0, width=whole[0], height=whole[1], fill="#fff"),
        head,
        join(notes),
        inner,
        xmlns="http://www.w3.org/2000/svg",
        width=whole[0],
        height=whole[1],
        viewBox=f"0 0 {number(whole[0])} {number(whole[1])}",
    )
    return f"{text}\n"


def _section(chart: Chart) -> Markup:
    note = tag("p", chart.note, class_="quiet caption")
    drawn = both(chart.draw, WIDTH)
    return tag("section", tag("h2", chart.title), tag("figure", note, drawn))


def _wrapped(text: str, width: float) -> list[str]:
    """Lines of at most about so many pixels."""
    most, lines = int(width / 6.2), [""]
    for word in text.split(" "):
        if len(lines[-1]) + len(word) > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
