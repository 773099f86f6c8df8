"""A legend inside a picture, so that the picture can stand alone."""

from collections.abc import Sequence

from proxyless_nas.drawing.labels import text_width
from proxyless_nas.drawing.markup import Markup, join
from proxyless_nas.drawing.svg import Mark, words

LINE = 20.0  # px


def key_rows(
    entries: Sequence[tuple[Mark, str, str]], x: float, y: float, width: float
) -> tuple[Markup, float]:
    """Mark, style class and meaning of each, in rows from (x, y) on; also the rows' height."""
    parts: list[str] = []
    at, line = x, 0
    for mark, class_, meaning in entries:
        needed = 18 + text_width(meaning, 12)
        if at > x and at + needed > width:
            at, line = x, line + 1
        baseline = y + LINE * line + 12
        parts += [
            mark(at + 6, baseline - 4, meaning, class_),
            words(at + 16, baseline, meaning, class_="shape"),
        ]
        at += needed + 12
    return join(parts), LINE * (line + 1) if entries else 0.0
