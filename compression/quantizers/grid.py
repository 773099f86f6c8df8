"""Grids: the few whole numbers that a tensor may hold, times a step, plus an offset."""

from msgspec import Struct

LEAST, MOST = 1, 8
"""Bits that a quantizer takes."""


class Grid(Struct, frozen=True):
    """The numbers low, low + 1, ..., high; with `half`, each of them and a half."""

    low: int
    high: int
    half: bool = False

    @property
    def levels(self) -> int:
        """How many there are."""
        return self.high - self.low + 1

    @property
    def reach(self) -> float:
        """The largest size of any of them."""
        return max(-self.low, self.high) - 0.5 * self.half

    @property
    def shift(self) -> float:
        """What is added to a whole number."""
        return 0.5 if self.half else 0.0


def unsigned(bits: int) -> Grid:
    """0 to 2^bits - 1."""
    must_be_bits(bits)
    return Grid(0, 2**bits - 1)


def signed(bits: int, restricted: bool = False) -> Grid:
    """Two's complement, or, `restricted`, the same as far to both sides of 0.

    One bit has no 0: it says on which side of it a number is, -1/2 and 1/2.
    """
    must_be_bits(bits)
    if bits == 1:
        return Grid(-1, 0, half=True)
    high = 2 ** (bits - 1) - 1
    return Grid(-high if restricted else -high - 1, high)


def must_be_bits(bits: int) -> None:
    """ValueError for a number of bits that no quantizer takes."""
    if not LEAST <= bits <= MOST:
        raise ValueError(f"{bits} bits: a quantizer takes {LEAST} to {MOST}")
