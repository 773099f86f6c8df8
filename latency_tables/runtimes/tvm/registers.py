"""The vector registers of a target, and the tiles of a convolution's output that fit into them."""

from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

import tvm
from msgspec import Struct

WIDEST_GROUP = 12  # vectors of output channels that one tile holds at most
LONGEST_ROW = 14  # columns that a tile of a depthwise convolution holds at most


class DenseTile(NamedTuple):
    """What a dense convolution keeps in registers: so many outputs, in vectors of channels."""

    rows: int
    columns: int
    vectors: int
    lanes: int

    @property
    def channels(self) -> int:
        """Output channels of one tile; weights are packed in groups of so many."""
        return self.vectors * self.lanes


class Registers(Struct, frozen=True):
    """So many registers of `lanes` float32 numbers."""

    lanes: int
    count: int

    def vector(self, channels: int) -> int:
        """The longest power of two that divides the channels and fits into a register."""
        lengths = takewhile(lambda length: length <= self.lanes, (1 << n for n in range(10)))
        return max(length for length in lengths if channels % length == 0)

    def dense_tile(self, rows: int, columns: int, channels: int) -> DenseTile:
        """The tile of an output with most multiply-adds per load.

        It divides the output, so no loop has a rest. Whole rows come before several rows. Each
        multiply-add needs an input, which is broadcast, and a vector of weights: `m` outputs and
        `n` vectors cost m + n loads for m * n multiply-adds.
        """
        lanes = self.vector(channels)
        room = self.count - self.count // 8  # the rest holds what is broadcast

        def worth(tile: DenseTile) -> tuple[float, int]:
            outputs = tile.rows * tile.columns
            return outputs * tile.vectors / (outputs + tile.vectors), -tile.vectors

        def tiles() -> Iterator[DenseTile]:
            for vectors in divisors(channels // lanes, WIDEST_GROUP):
                for width in divisors(columns, room):
                    for height in divisors(rows, room if width == columns else 1):
                        if (height * width + 1) * vectors <= room:
                            yield DenseTile(height, width, vectors, lanes)

        return max(tiles(), key=worth)

    def row_tile(self, columns: int) -> int:
        """How many columns of a depthwise convolution are kept in registers."""
        return max(divisors(columns, min(LONGEST_ROW, self.count - 4)))


def registers_of(target: tvm.target.Target) -> Registers:
    """What the target's triple, mcpu and mattr tell; SSE's where they tell nothing."""

    def has(feature: str) -> bool:
        return bool(tvm.target.codegen.target_has_features(feature, target))

    if has("avx512f"):
        return Registers(lanes=16, count=32)
    if has("avx"):
        return Registers(lanes=8, count=16)
    return Registers(lanes=4, count=32 if has("neon") else 16)


def divisors(number: int, limit: int) -> list[int]:
    """Those up to `limit`, the smallest first."""
    return [n for n in range(1, min(number, limit) + 1) if number % n == 0]
