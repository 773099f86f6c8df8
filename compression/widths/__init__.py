"""Widths: how many channels each group keeps, so that the network costs what it may."""

from compression.widths.choose import by_sensitivity, evenly, lowest_first, within
from compression.widths.rounding import kept_of
from compression.widths.sizes import Gone, Ranking, Sizes, chosen_of, ranked

__all__ = [
    "Gone",
    "Ranking",
    "Sizes",
    "by_sensitivity",
    "chosen_of",
    "evenly",
    "kept_of",
    "lowest_first",
    "ranked",
    "within",
]
