"""Put words next to points so that they do not cover each other."""

import math
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from proxyless_nas.drawing.svg import TEXT, Anchor

AWAY = 6.0  # px²: what each less preferred position costs, as covered area does


class Box(Struct, frozen=True):
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Box") -> float:
        """The common area."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, wide) * max(0.0, high)

    @property
    def area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)


class Label(Struct, frozen=True):
    """A text and where its baseline starts, centres or ends."""

    text: str
    x: float
    y: float
    anchor: Anchor

    @property
    def box(self) -> Box:
        width = text_width(self.text)
        left = self.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * width
        return Box(left, self.y - 0.8 * TEXT, left + width, self.y + 0.25 * TEXT)


def text_width(text: str, size: float = TEXT) -> float:
    """A careful guess: no font is at hand when the page is written."""
    return 0.6 * size * len(text)


def around(x: float, y: float, radius: float) -> Box:
    return Box(x - radius, y - radius, x + radius, y + radius)


def along(points: Sequence[tuple[float, float]], radius: float = 3.0) -> tuple[Box, ...]:
    """Small boxes along a polyline, so that labels keep off it."""
    boxes: list[Box] = []
    for (x, y), (to_x, to_y) in pairwise(points):
        pieces = max(1, round(math.dist((x, y), (to_x, to_y)) / (2 * radius)))
        shares = [index / pieces for index in range(pieces)]
        boxes += [around(x + s * (to_x - x), y + s * (to_y - y), radius) for s in shares]
    return tuple(boxes)


def place(
    wanted: Sequence[tuple[float, float, str]], taken: Sequence[Box], bounds: Box
) -> tuple[Label, ...]:
    """One label per (x, y, text), each where it covers least of what is there already."""
    blocked = list(taken)
    labels: list[Label] = []
    for x, y, text in wanted:
        positions = _positions(x, y, text)
        harms = [_harm(label.box, blocked, bounds) for label in positions]
        harms = [harm + AWAY * index for index, harm in enumerate(harms)]
        best = positions[harms.index(min(harms))]
        labels.append(best)
        blocked.append(best.box)
    return tuple(labels)


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> tuple[float, ...]:
    """The positions pushed apart to `gap`, order kept, inside low..high where they fit."""
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    moved = list(positions)
    floor = low
    for index in order:
        moved[index] = max(moved[index], floor)
        floor = moved[index] + gap
    ceiling = high
    for index in reversed(order):
        moved[index] = min(moved[index], ceiling)
        ceiling = moved[index] - gap
    return tuple(moved)


def _positions(x: float, y: float, text: str) -> tuple[Label, ...]:
    near, level = 12.0, 0.3 * TEXT
    found: list[Label] = []
    for far in (0.0, 14.0):
        found += [
            Label(text, x + near, y + level + far, "start"),
            Label(text, x + near, y + level - far, "start"),
            Label(text, x, y - near - far, "middle"),
            Label(text, x, y + near + TEXT + far, "middle"),
            Label(text, x - near, y + level + far, "end"),
            Label(text, x - near, y + level - far, "end"),
            Label(text, x + near, y - near - far, "start"),
            Label(text, x + near, y + near + TEXT + far, "start"),
            Label(text, x - near, y - near - far, "end"),
            Label(text, x - near, y + near + TEXT + far, "end"),
        ]
    return tuple(found)


def _harm(box: Box, blocked: Sequence[Box], bounds: Box) -> float:
    outside = box.area - box.overlap(bounds)
    return 10 * outside + sum(box.overlap(other) for other in blocked)
