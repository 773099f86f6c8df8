"""The searched network drawn block by block, with each block's share of the latency."""

from collections.abc import Mapping
from functools import partial

from msgspec import Struct

from proxyless_nas import MBConv, NetworkSpec, Shape, Skip
from proxyless_nas.drawing.labels import text_width
from proxyless_nas.drawing.markup import Markup, join, tag
from proxyless_nas.drawing.palette import contrast
from proxyless_nas.drawing.svg import both, picture, words
from proxyless_nas.drawing.words import TIMES, milliseconds, percent, places_for
from proxyless_nas.naming import expansion_of, label_of
from search.report.colours import colours
from search.report.story import Story

ROW, THIN, TOP = 34.0, 22.0, 30.0  # px


class Row(Struct, frozen=True):
    """One block as it is drawn; `ms` is None where the story has no price for it."""

    name: str
    label: str
    colour: str
    expansion: float | None
    stride: int
    residual: bool
    output: Shape | None
    ms: float | None
    skipped: bool = False


class Columns(Struct, frozen=True):
    """Where things stand, in pixels: centre and room of the boxes, shapes, and bars."""

    width: float
    names: float | None
    centre: float
    room: float
    shapes: float
    strides: float
    bars: float


def architecture_section(story: Story) -> Markup:
    title = tag("h2", "The network")
    ours = story.result
    if ours is None:
        note = "There is no searched network to draw yet."
        return tag("section", title, tag("p", note, class_="note"))
    rows = _rows(ours.spec, story)
    note = (
        f"{ours.name}, input {_size(ours.spec.input)} on top. The wider a box, the larger its "
        "expansion; colours name the searched choice as in the next section, grey was fixed. "
        "A bracket is a residual connection, ↓2 a stride of 2. "
    )
    total = sum(story.block_ms.values())
    note += (
        f"The bars add up to {milliseconds(total)} predicted." if total else "No prices per block."
    )
    caption = tag("p", note, class_="quiet caption")
    return tag("section", title, tag("figure", caption, both(partial(_draw, rows), 860)))


def _rows(spec: NetworkSpec, story: Story) -> list[Row]:
    palette = colours(story.course)
    searched = {edge.name for edge in story.edges}
    prices: Mapping[str, float] = story.block_ms
    rows: list[Row] = []
    for name, block, shape in spec.placed():
        label = label_of(block, shape)
        colour = palette.get(label, "fixed") if name in searched or not searched else "fixed"
        expansion = expansion_of(block, shape) if isinstance(block, MBConv) else None
        stride = getattr(block, "stride", 1)
        residual = isinstance(block, MBConv) and block.residual
        skipped = isinstance(block, Skip)
        ms = prices.get(name)
        rows.append(
            Row(name, label, colour, expansion, stride, residual, block.output(shape), ms, skipped)
        )
    known = {row.name for row in rows}
    rows += [
        Row(name, name, "other", None, 1, False, None, ms)
        for name, ms in prices.items()
        if name not in known
    ]
    return rows


def _draw(rows: list[Row], width: float) -> Markup:
    if width < 500:
        at = Columns(width, None, 66, 112, 140, 218, 242)
    else:
        at = Columns(width, 4, 195, 180, 325, 436, 475)
    parts = [
        words(at.centre, 14, "block", "middle", "name"),
        words(
            at.shapes,
            14,
            f"output, C {TIMES} H {TIMES} W" if width > 500 else "output",
            class_="name",
        ),
        words(
            at.bars,
            14,
            "predicted latency, share" if width > 500 else "latency, share",
            class_="name",
        ),
    ]
    total = sum(row.ms or 0.0 for row in rows)
    most = max((row.ms or 0.0 for row in rows), default=0.0)
    places = places_for([most])
    heights = [THIN if row.skipped else ROW for row in rows]
    inside = sum(h for h, row in zip(heights, rows, strict=True) if row.output is not None)
    parts.append(
        tag("line", x1=at.centre, x2=at.centre, y1=TOP - 6, y2=TOP + inside - 4, class_="flow")
    )
    top = TOP
    for row, height in zip(rows, heights, strict=True):
        middle = top + height / 2
        parts.append(_block(row, at, middle))
        if row.ms:
            parts.append(_bar(row.ms, at, middle, total, most, places))
        top += height
    return picture(width, top + 4, "The searched network, block by block", *parts)


def _block(row: Row, at: Columns, middle: float) -> Markup:
    baseline = middle + 4
    parts: list[str] = []
    if at.names is not None and row.output is not None:
        parts.append(words(at.names, baseline, row.name, class_="tick"))
    if row.skipped:
        parts.append(words(at.centre + 9, baseline, "skipped", class_="tick"))
        return join(parts)
    if row.output is None:
        parts.append(words(at.centre, baseline, row.label, "middle", "tick"))
        return join(parts)
    share = 0.75 if row.expansion is None else 0.64 + 0.06 * min(row.expansion, 6.0)
    half = max(share * at.room, text_width(row.label, 12) + 10) / 2
    half = min(half, at.centre - 2 if at.names is None else half)
    title = tag("title", f"{row.name}: {row.label}, output {_size(row.output)}")
    if row.residual:
        right = at.centre + half + 5
        arc = f"M{at.centre} {middle - 16} H{right:.0f} V{middle + 16:.0f} H{at.centre}"
        parts.append(tag("path", d=arc, class_="arc"))
    parts.append(
        tag(
            "rect",
            title,
            x=at.centre - half,
            y=middle - 12,
            width=2 * half,
            height=24,
            rx=5,
            class_=f"block {row.colour}",
        )
    )
    parts.append(words(at.centre, baseline, row.label, "middle", f"on {contrast(row.colour)}"))
    size = _size(row.output) if at.names is not None else _size(row.output).replace(" ", "")
    parts.append(words(at.shapes, baseline, size, class_="shape"))
    if row.stride > 1:
        parts.append(words(at.strides, baseline, f"↓{row.stride}", class_="stride"))
    return join(parts)


def _bar(ms: float, at: Columns, middle: float, total: float, most: float, places: int) -> Markup:
    share = percent(ms / total, 0 if at.names is None else 1)
    text = share if at.names is None else f"{milliseconds(ms, places)}  ({share})"
    room = at.width - at.bars - text_width(text, 12) - 8
    length = max(1.0, room * ms / most)
    title = tag("title", f"{milliseconds(ms)}, {percent(ms / total)}")
    bar = tag("rect", title, x=at.bars, y=middle - 7, width=length, height=14, rx=2, class_="share")
    return join((bar, words(at.bars + length + 6, middle + 4, text, class_="shape")))


def _size(shape: Shape) -> str:
    return f" {TIMES} ".join(str(side) for side in (shape.channels, shape.height, shape.width))
