"""Where boxes stand, from top to bottom, and which way the lines between them take.

In the manner of Sugiyama et al. 1981: the rank of a box is its longest path from the top,
barycentres order what stands in one rank, and positions are as near to those of neighbours as there
is room.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

BETWEEN, ABOVE, LANE = 18.0, 26.0, 4.0  # px: boxes of a rank, ranks, half a line that passes by
SWEEPS, ROUNDS = 4, 40
FIRM, LOOSE, STRAIGHT = 1.0, 1e-3, 8.0
"""How much it counts that a line leans; one from a box to where other ways lead as well counts
less; times STRAIGHT where it has no other beside it, and along its lanes."""

Point = tuple[float, float]
Size = tuple[float, float]


class Layout(NamedTuple):
    """Centres of the boxes, pieces of the lines, and how much room all of it takes, in px.

    Pieces lead down; those that do not lead straight down do so between two ranks.
    """

    centres: tuple[Point, ...]
    lines: tuple[tuple[Point, Point], ...]
    width: float
    height: float


def lay_out(inputs: Sequence[Sequence[int]], sizes: Sequence[Size]) -> Layout:
    """Place boxes of such `sizes` (width, height), each below all of its `inputs`.

    Inputs are numbers of boxes that come earlier. Boxes do not overlap, and a line that passes by
    a rank has a lane of its own there; the lines that leave one box share it.
    """
    grid = _Grid(inputs)
    half = [width / 2 for width, _ in sizes] + [LANE] * (len(grid.rank) - len(sizes))
    rows = grid.ordered()
    xs = _positions(rows, grid, half)
    left = min(x - half[item] for item, x in xs.items())
    heights = [max(sizes[item][1] for item in row if item < len(sizes)) for row in rows]
    tops = [sum(heights[:rank]) + ABOVE * rank for rank in range(len(rows))]
    lines: list[tuple[Point, Point]] = []
    centres: list[Point] = []
    for item, rank in enumerate(grid.rank):
        x, top, bottom = xs[item] - left, tops[rank], tops[rank] + heights[rank]
        if item < len(sizes):
            middle, own = top + heights[rank] / 2, sizes[item][1] / 2
            centres.append((x, middle))
            if grid.above[item] and own < heights[rank] / 2:
                lines.append(((x, top), (x, middle - own)))
            if grid.below[item] and own < heights[rank] / 2:
                lines.append(((x, middle + own), (x, bottom)))
        else:
            lines.append(((x, top), (x, bottom)))
        lines += [((x, bottom), (xs[one] - left, tops[rank + 1])) for one in grid.below[item]]
    width = max(x + half[item] for item, x in xs.items()) - left
    return Layout(tuple(centres), tuple(lines), width, tops[-1] + heights[-1])


def ranks_of(inputs: Sequence[Sequence[int]]) -> list[int]:
    """The longest way from the top to every box."""
    ranks: list[int] = []
    for each in inputs:
        ranks.append(max((ranks[one] + 1 for one in each), default=0))
    return ranks


class _Grid:
    """Boxes, and lanes for the lines that pass by a rank: numbers from that of boxes on.

    `above` and `below` say of an item which ones it is joined with, and how firmly.
    """

    def __init__(self, inputs: Sequence[Sequence[int]]) -> None:
        self.rank = ranks_of(inputs)
        self.above: dict[int, dict[int, float]] = defaultdict(dict)
        self.below: dict[int, dict[int, float]] = defaultdict(dict)
        self._lanes: dict[tuple[int, int], int] = {}
        readers = Counter(source for each in inputs for source in each)
        before: list[int] = []  # of every box those that lead to it, as bits
        for box, each in enumerate(inputs):
            for source in each:
                others = (before[one] >> source & 1 for one in each if one != source)
                alone = readers[source] == len(each) == 1
                firm = STRAIGHT * FIRM if alone else LOOSE if any(others) else FIRM
                self._connect(source, box, firm)
            own = 0
            for source in each:
                own |= before[source] | 1 << source
            before.append(own)

    def ordered(self) -> list[list[int]]:
        """The items of every rank from left to right."""
        rows: list[list[int]] = [[] for _ in range(max(self.rank) + 1)]
        for item, rank in enumerate(self.rank):
            rows[rank].append(item)
        places = {item: place for row in rows for item, place in _places(row)}
        for sweep in range(SWEEPS):
            near = self.below if sweep % 2 else self.above
            for row in reversed(rows) if sweep % 2 else rows:
                wanted = {item: _mean([places[one] for one in near[item]], places[item])
                          for item in row}  # fmt: skip
                row.sort(key=wanted.__getitem__)
                places.update(_places(row))
        return rows

    def _connect(self, source: int, box: int, firm: float) -> None:
        last = source
        for rank in range(self.rank[source] + 1, self.rank[box]):
            lane = self._lanes.get((source, rank))
            if lane is None:
                lane = self._lanes[source, rank] = len(self.rank)
                self.rank.append(rank)
            self._join(last, lane, firm if last == source else STRAIGHT * firm)
            last = lane
        self._join(last, box, firm)

    def _join(self, item: int, below: int, firm: float) -> None:
        firm = max(firm, self.below[item].get(below, 0.0))
        self.below[item][below] = self.above[below][item] = firm


def _positions(rows: list[list[int]], grid: _Grid, half: Sequence[float]) -> dict[int, float]:
    """Of every item: rank by rank to where its lines lean least, given the other ranks.

    What stands alone in its rank stands in the middle, at 0.
    """
    xs = {item: 0.0 for row in rows for item in row}
    joined = {item: [*grid.above[item].items(), *grid.below[item].items()] for item in xs}
    firm = {item: sum(each for _, each in near) for item, near in joined.items()}
    several = [row for row in rows if len(row) > 1]
    for number in range(ROUNDS):
        for row in reversed(several) if number % 2 else several:
            wanted = [
                sum(each * xs[other] for other, each in joined[item]) / (firm[item] or 1.0)
                for item in row
            ]
            room, weights = [half[item] for item in row], [firm[item] or LOOSE for item in row]
            xs.update(zip(row, apart(wanted, room, weights), strict=True))
    return xs


def apart(wanted: Sequence[float], half: Sequence[float], firm: Sequence[float]) -> list[float]:
    """Positions that keep their order and their room, as near to those wanted as can be.

    The least squares, weighed by `firm`, under x[n+1] - x[n] >= half[n] + half[n+1] + BETWEEN:
    neighbours that would overlap become a block at their mean (pool adjacent violators).
    """
    offsets = [0.0]
    for one, other in pairwise(half):
        offsets.append(offsets[-1] + one + other + BETWEEN)
    blocks: list[tuple[float, float, int]] = []  # position without offset, firmness, items
    for want, offset, weight in zip(wanted, offsets, firm, strict=True):
        block = (want - offset, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            position, firmness, count = blocks.pop()
            both = firmness + block[1]
            mean = (position * firmness + block[0] * block[1]) / both
            block = (mean, both, count + block[2])
        blocks.append(block)
    spread = [position for position, _, count in blocks for _ in range(count)]
    return [position + offset for position, offset in zip(spread, offsets, strict=True)]


def _places(row: Sequence[int]) -> list[tuple[int, float]]:
    """Of every item of a rank how far to the right it stands, 0 to 1."""
    return [(item, (index + 0.5) / len(row)) for index, item in enumerate(row)]


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default
