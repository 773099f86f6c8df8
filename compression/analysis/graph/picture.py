"""Boxes and lines as a picture."""

from collections.abc import Sequence

from compression.analysis.graph.boxes import Box
from compression.analysis.graph.colours import Look
from compression.analysis.graph.layout import Point, Size, lay_out
from compression.channels.groups import Channels
from proxyless_nas.drawing.labels import text_width
from proxyless_nas.drawing.markup import Markup, number, tag
from proxyless_nas.drawing.svg import picture, words
from proxyless_nas.drawing.words import TIMES, count

SMALL, LINE, PAD = 12.0, 15.0, 8.0  # px: text, its lines, what stays free beside it
WIDEST, NARROWEST = 290.0, 480.0  # px: a box, a whole picture
NUMBER, BOLD = 24.0, 1.04  # px for the number of a group; how much wider bold letters are
EDGE = 6.0  # px


def draw(boxes: Sequence[Box], looks: Sequence[Look], channels: Channels, title: str) -> Markup:
    """An svg element; what it tells of a box shows in full when the box is pointed at."""
    told = [_lines(box, boxes) for box in boxes]
    sizes = _sizes(boxes, told)
    found = lay_out([box.inputs for box in boxes], sizes)
    width = max(NARROWEST, found.width + 2 * EDGE)
    shift = (width - found.width) / 2
    moved = [(x + shift, y + EDGE) for x, y in found.centres]
    lines = [_line((a + shift, b + EDGE), (c + shift, d + EDGE)) for (a, b), (c, d) in found.lines]
    drawn = [
        _box(box, look, written, _title(box, look, channels), *place)
        for box, look, written, *place in zip(boxes, looks, told, moved, sizes, strict=True)
    ]
    return picture(width, found.height + 2 * EDGE, title, *lines, *drawn)


def shape_words(shape: Sequence[int]) -> str:
    """`64×56×56`."""
    return TIMES.join(map(str, shape))


def _lines(box: Box, boxes: Sequence[Box]) -> list[str]:
    """What is written in a box."""
    what, output = " · ".join(box.words), shape_words(box.output)
    if box.layer:
        amounts = [count(box.macs), count(box.parameters)] if box.macs or box.parameters else []
        return [box.name, what, " · ".join([output, *amounts])]
    before = [boxes[one].output for one in box.inputs]
    return [what if before and before[0] == box.output else f"{what}  {output}".strip()]


def _sizes(boxes: Sequence[Box], told: Sequence[list[str]]) -> list[Size]:
    """All layers are equally large, each operation is as large as what is written in it."""

    def room(lines: Sequence[str]) -> float:
        return max(text_width(line, SMALL) for line in lines) + 2 * PAD

    layers = [lines for box, lines in zip(boxes, told, strict=True) if box.layer]
    names = max((BOLD * text_width(name, SMALL) + NUMBER for name, *_ in layers), default=0.0)
    widest = min(WIDEST, max([names + 2 * PAD, *map(room, layers)]))
    return [
        (widest if box.layer else room(lines), LINE * len(lines) + 10)
        for box, lines in zip(boxes, told, strict=True)
    ]


def _line(start: Point, end: Point) -> Markup:
    (x, y), (to_x, to_y) = start, end
    if abs(x - to_x) < 0.5:
        return tag("line", x1=x, x2=to_x, y1=y, y2=to_y, class_="arc")
    middle = (y + to_y) / 2
    points = [number(one) for one in (x, y, x, middle, to_x, middle, to_x, to_y)]
    return tag("path", d="M{} {} C{} {} {} {} {} {}".format(*points), class_="arc")


def _box(
    box: Box, look: Look, lines: Sequence[str], title: str, centre: Point, size: Size
) -> Markup:
    (x, y), (width, height) = centre, size
    left, top = x - width / 2, y - height / 2
    place = {"x": left, "y": top, "width": width, "height": height}
    parts: list[str] = [
        tag("title", title),
        tag("rect", rx=4 if box.layer else height / 2, class_=look.box, **place),
    ]
    numbered = box.layer and look.group is not None
    for index, line in enumerate(lines):
        name = box.layer and index == 0
        room = (width - 2 * PAD - NUMBER * numbered) / BOLD if name else width - 2 * PAD
        parts.append(
            tag(
                "text",
                _fitting(line, room, name),
                x=left + PAD if box.layer else x,
                y=top + LINE * (index + 1) + 1,
                text_anchor="start" if box.layer else "middle",
                class_=look.text,
                style="font-weight: 650" if name else None,
            )
        )
    if numbered:
        corner = left + width - PAD, top + LINE + 1
        parts.append(words(*corner, str((look.group or 0) + 1), "end", look.text))
    return tag("g", *parts)


def _fitting(text: str, room: float, end: bool) -> str:
    """As much of a text as there is room for: its end, which tells most of a name, or its start."""
    most = round(room / text_width("m", SMALL))
    if len(text) <= most:
        return text
    return f"…{text[len(text) - most + 1 :]}" if end else f"{text[: most - 1]}…"


def _title(box: Box, look: Look, channels: Channels) -> str:
    told = [box.name, ", ".join(box.words), f"output {shape_words(box.output)}"]
    if box.macs:
        told.append(f"{box.macs:,} MACs")
    if box.parameters:
        told.append(f"{box.parameters:,} parameters")
    if look.reason is not None:
        told.append(f"its channels stay: {look.reason}")
    if look.group is not None:
        group = channels.groups[look.group]
        told.append(f"group {look.group + 1}: {group.width} channels can leave, one by one")
        told.append(f"made by {', '.join(group.makers)}")
    return "\n".join(told)
