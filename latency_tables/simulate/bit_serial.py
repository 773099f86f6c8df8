"""How long a bit-serial array takes for one product of matrices, fetching and computing at once.

The array (BISMO: Umuroglu, Rasnayake, Sjalander 2018, arXiv 1806.08862) multiplies `side` rows by
`side` columns, `word` binary digits deep, in every cycle; numbers of w and a bits take w x a such
passes. Two ports fetch one word per cycle each, one for either operand, into buffers of `depth`
words per row of the array.

What follows was decoded from the table of cycles that HAQ published, 53 layers of MobileNet-V2 at
64 pairs of bits. It gives all of its 3392 entries exactly, without a fitted number, and to the last
digit the paper's latencies of MobileNet-V1 in the cloud, which were not looked at for it.
"""

from collections import Counter
from itertools import pairwise

from msgspec import Struct

from latency_tables.simulate.dense import ceil_div


class Array(Struct, frozen=True):
    """Its sizes: rows and columns, binary digits per word, words per row of a buffer."""

    side: int
    word: int
    depth: int


class Operand(Struct, frozen=True):
    """One of the two matrices: how many vectors, of how many bits per number."""

    rows: int
    bits: int


def product_cycles(left: Operand, right: Operand, length: int, array: Array) -> int:
    """Cycles for all inner products of vectors of `length` numbers.

    Operands that do not fit into their buffers are cut into equal tiles. Nothing of a pair of
    tiles is fetched before the pair in front of it is done, and either operand is fetched again
    for every tile of the other.
    """
    words = _words(length, array)
    return sum(
        many * other * _tile_cycles(one, two, words, array.side)
        for one, many in _tiles(left, words, array).items()
        for two, other in _tiles(right, words, array).items()
    )


def product_words(left: Operand, right: Operand, length: int, array: Array) -> int:
    """Words that are fetched for it; vectors are padded to whole words."""
    words = _words(length, array)
    again = [_tiles(operand, words, array).total() for operand in (right, left)]
    return words * (left.rows * left.bits * again[0] + right.rows * right.bits * again[1])


def _words(length: int, array: Array) -> int:
    return ceil_div(length, array.word)


def _tiles(operand: Operand, words: int, array: Array) -> Counter[Operand]:
    """Equal parts that fit into a buffer, in whole blocks of `side` vectors; one block at least."""
    blocks = ceil_div(operand.rows, array.side)
    room = array.side * array.depth
    parts = min(blocks, ceil_div(operand.rows * words * operand.bits, room))
    ends = [min(operand.rows, blocks * i // parts * array.side) for i in range(parts + 1)]
    return Counter(Operand(end - start, operand.bits) for start, end in pairwise(ends))


def _tile_cycles(left: Operand, right: Operand, words: int, side: int) -> int:
    """The faster of both loops: the left one streams past the right one, or the other way."""
    return min(
        _streamed(stream, resident, words, side, planes)
        for stream, resident in ((left, right), (right, left))
        for planes in ((True, False) if resident.rows <= side else (False,))
    )


def _streamed(stream: Operand, resident: Operand, words: int, side: int, planes: bool) -> int:
    """Cycles until the last block of `stream` has met all of `resident`.

    Both are fetched from the first cycle on. A block of `side` vectors is multiplied while it
    arrives, as far as its numbers are there: by its own bits from outside in (`planes`, possible
    where the resident operand is one block), or by those of the resident operand.
    """
    word = stream.bits * resident.bits  # passes for one word of a block and a block
    block = ceil_div(resident.rows, side) * words * word
    steps = ceil_div(stream.rows, side) - 1
    if planes:
        left_over, behind = resident.bits - 1, (stream.bits - 1) * resident.bits
    else:
        left_over, behind = block - (words - 1) * word - stream.bits, stream.bits - 1
    arrived = words * stream.bits * stream.rows
    first = words * stream.bits * min(side, stream.rows)
    before_last = words * stream.bits * side * steps
    return max(
        arrived + left_over,  # the port of the stream is what holds it up
        first + left_over + steps * block,  # ... the array
        before_last + left_over + block if steps else 0,  # ... the array, for a short last block
        _resident_in(resident, word, words, side) + behind + steps * block,  # ... the other port
    )


def _resident_in(resident: Operand, word: int, words: int, side: int) -> int:
    """When the resident operand is there and has met the first block but for a last plane of bits.

    A last block of few vectors may be fetched faster than it is multiplied.
    """
    arrived = words * resident.bits * resident.rows
    short = resident.rows % side
    if not short:
        return arrived
    return max(arrived, arrived - words * resident.bits * short + words * word)
