"""Show a sensitivity analysis: a CSV file, and one page that draws what each share costs."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from compression.sensitivity.found import Sensitivity, Tried, csv_of
from proxyless_nas.drawing.keys import key_rows
from proxyless_nas.drawing.labels import spread, text_width
from proxyless_nas.drawing.markup import Markup, tag
from proxyless_nas.drawing.page import WIDTH, document
from proxyless_nas.drawing.svg import (
    TEXT,
    Axis,
    axis,
    both,
    disc,
    frame,
    picture,
    polyline,
    words,
)
from proxyless_nas.drawing.tables import table
from proxyless_nas.drawing.words import NO_FIGURE, percent, thin
from proxyless_nas.files import write_bytes

TITLE = "Sensitivity"
COLOURS = ("first", "second", "third", "fourth")
"""Of the steepest curves, which are named; all others are grey."""
SMALL_DROPS = (0.01, 0.05)
MOST_COLUMNS = 10
NARROW = 500.0  # px, below which names stand above the chart


def write_shown(found: Sensitivity, folder: Path) -> str:
    """sensitivity.csv and sensitivity.html; where they are, in words."""
    csv, html = (folder / f"sensitivity.{suffix}" for suffix in ("csv", "html"))
    write_bytes(csv, csv_of(found).encode())
    write_page(found, html)
    return f"all tries: {csv}, drawn: {html}"


def write_page(found: Sensitivity, file: str | Path) -> None:
    """Write the page, atomically. ValueError where nothing has been tried yet."""
    write_bytes(file, page(found).encode("utf-8", "replace"))


def page(found: Sensitivity) -> str:
    """The page as text."""
    curves = curves_of(found)
    if not curves:
        raise ValueError("nothing has been tried yet: there is no curve to draw")
    whole = found.whole
    what = {"channels": "channels of one group", "elements": "elements of one tensor"}[found.of]
    told = (
        f"Each curve loses {what}, all others being whole, without any tuning. The whole network "
        f"gets {percent(whole.top1, 2)} of {whole.images:,} images right."
    )
    named = min(len(COLOURS), len(curves))
    note = (
        f"The {named} steepest of {len(curves)} curves have a colour and a name; pointing at a "
        "grey one tells which it is. Steep is what loses most accuracy on average over the shares."
    )
    chart = tag(
        "figure", tag("p", note, class_="quiet caption"), both(partial(_chart, found), WIDTH)
    )
    return document(
        TITLE,
        tag("header", tag("h1", TITLE), tag("p", told, class_="quiet")),
        tag("section", tag("h2", "Accuracy against the share that is gone"), chart),
        tag("section", tag("h2", "All of them, the steepest first"), *_table(found)),
    )


def curves_of(found: Sensitivity) -> dict[str, list[Tried]]:
    """What was tried of each group or tensor, by rising share; the steepest of them first."""
    curves: dict[str, list[Tried]] = {}
    for one in sorted(found.tried, key=lambda one: one.share):
        curves.setdefault(one.group, []).append(one)

    def steep(name: str) -> float:
        return sum(one.score.top1 for one in curves[name]) / len(curves[name])

    order = dict.fromkeys(one.group for one in found.tried)
    return {name: curves[name] for name in sorted(order, key=steep)}


def _chart(found: Sensitivity, width: float) -> Markup:
    curves, whole = curves_of(found), 100 * found.whole.top1
    named = dict(zip(curves, COLOURS, strict=False))
    narrow = width < NARROW
    room = 18.0 if narrow else max(text_width(name) for name in [*named, "whole"]) + 14
    key, used = _key(named, width) if narrow else (Markup(""), 0.0)
    height = 0.42 * width + 130 + used
    shares = [0.0, *(100 * one.share for one in found.tried)]
    x = axis("share that is gone, %", shares, 46, width - room, 5 if narrow else 10, tight=True)
    accuracies = [whole, *(100 * one.score.top1 for one in found.tried)]
    y = axis("top-1 accuracy, %", accuracies, height - 46, used + 42, 6, limit=100)
    parts = [key, frame(x, y)]
    parts.append(
        tag("line", x1=x.start, x2=x.end, y1=y(whole), y2=y(whole), class_="dashed quiet-line")
    )
    for name in sorted(curves, key=named.__contains__):  # grey ones lie below
        class_ = f"line {named[name]}-line" if name in named else "arc"
        line = _curve(name, curves[name], whole, x, y, class_)
        parts.append(line if name in named else tag("g", line, opacity="0.55"))
    if not narrow:
        ends = [(y(100 * curves[name][-1].score.top1), name, c) for name, c in named.items()]
        parts += _ends([(y(whole), "whole", "quiet"), *ends], x, y)
    names = ", ".join(named)
    return picture(width, height, f"Accuracy against share gone; steepest: {names}", *parts)


def _curve(
    name: str, tried: Sequence[Tried], whole: float, x: Axis, y: Axis, class_: str
) -> Markup:
    points = [(0.0, whole), *((100 * one.share, 100 * one.score.top1) for one in tried)]
    told = "; ".join(f"{one.share:.0%} gone: {percent(one.score.top1, 2)}" for one in tried)
    return polyline([(x(a), y(b)) for a, b in points], class_, f"{name}: {told}")


def _ends(ends: Sequence[tuple[float, str, str]], x: Axis, y: Axis) -> list[Markup]:
    """Names behind the last points, apart from each other."""
    tops = spread([top for top, _, _ in ends], TEXT + 2.5, y.end, y.start)
    return [
        words(x.end + 7, top + 4, name, "start", f"label {class_}-text")
        for top, (_, name, class_) in zip(tops, ends, strict=True)
    ]


def _key(named: Mapping[str, str], width: float) -> tuple[Markup, float]:
    return key_rows([(disc, class_, name) for name, class_ in named.items()], 2, 0, width)


def _table(found: Sensitivity) -> list[Markup]:
    curves = curves_of(found)
    shares = thin(sorted({one.share for one in found.tried}), MOST_COLUMNS)
    what = "group" if found.of == "channels" else "tensor"
    drops = [f"may lose for {100 * drop:g} point{'s' * (drop > 0.01)}" for drop in SMALL_DROPS]
    head = [what, *drops, *(f"{share:.0%}" for share in shares)]
    rows = [
        [
            name,
            *(percent(_may_lose(tried, found.whole.top1 - drop), 0) for drop in SMALL_DROPS),
            *(_score(tried, share) for share in shares),
        ]
        for name, tried in curves.items()
    ]
    note = (
        "The largest share tried that costs at most so much accuracy, and the accuracy in percent "
        "at each share."
    )
    return [tag("p", note, class_="quiet caption"), table(head, rows)]


def _may_lose(tried: Sequence[Tried], least: float) -> float:
    return max((one.share for one in tried if one.score.top1 >= least - 1e-9), default=0.0)


def _score(tried: Sequence[Tried], share: float) -> str:
    score = next((one.score for one in tried if one.share == share), None)
    return NO_FIGURE if score is None else f"{100 * score.top1:.2f}"
