"""Widths: how many channels each group keeps, so that the network costs what it may."""

from compression.widths.choose import evenly, lowest_first
from compression.widths.rounding import kept_of
from compression.widths.sizes import Gone, Ranking, Sizes, chosen_of, ranked

__all__ = ["Gone", "Ranking", "Sizes", "chosen_of", "evenly", "kept_of", "lowest_first", "ranked"]
