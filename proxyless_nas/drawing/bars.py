"""Lying bars: a name on the left, a length, a figure behind it."""

from collections.abc import Sequence

from msgspec import Struct

from proxyless_nas.drawing.labels import text_width
from proxyless_nas.drawing.markup import Markup, tag
from proxyless_nas.drawing.svg import picture, words

ROW = 24.0  # px
SMALL = 12.0  # px, the size of the text beside a bar


class Bar(Struct, frozen=True):
    """One bar; `figure` is its value in words, `title` shows on hover."""

    name: str
    value: float
    figure: str
    class_: str
    title: str


def bar_chart(width: float, description: str, bars: Sequence[Bar], least: float = 0.0) -> Markup:
    """The bars below each other, the longest as long as there is room, or one of `least` if that
    is longer.

    Where names would take half of a narrow picture, each stands above its bar.
    """
    names = max((text_width(bar.name, SMALL) for bar in bars), default=0.0)
    figures = max((text_width(bar.figure, SMALL) for bar in bars), default=0.0)
    above = names > 0.5 * width
    left = 2.0 if above else names + 10
    row = 1.7 * ROW if above else ROW
    most = max((least, *(bar.value for bar in bars))) or 1.0
    room = width - left - figures - 8
    parts: list[str] = []
    for index, bar in enumerate(bars):
        middle = row * (index + 1) - ROW / 2
        if above:
            parts.append(words(left, middle - 12, bar.name, class_="shape"))
        else:
            parts.append(words(left - 10, middle + 4, bar.name, "end", "shape"))
        length = max(1.0, room * bar.value / most)
        box = {"x": left, "y": middle - 8, "width": length, "height": 16, "rx": 2}
        parts.append(tag("rect", tag("title", bar.title), class_=bar.class_, **box))
        parts.append(words(left + length + 6, middle + 4, bar.figure, class_="shape"))
    height = row * len(bars) + 4
    if not above:
        parts.append(tag("line", x1=left, x2=left, y1=0, y2=height - 4, class_="axis"))
    return picture(width, height, description, *parts)
