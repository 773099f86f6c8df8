"""Widths: how many channels each group keeps, so that the network costs what it may."""

from compression.widths.choose import (
    Rank,
    at_density,
    by_sensitivity,
    evenly,
    lowest_first,
    within,
)
from compression.widths.least_lost import least_lost, losses_of
from compression.widths.rounding import kept_of
from compression.widths.sizes import (
    Gone,
    Ranking,
    Sizes,
    channels_left,
    chosen_of,
    key_of,
    ranked,
)
from compression.widths.stops import stops_of

__all__ = [
    "Gone",
    "Rank",
    "Ranking",
    "Sizes",
    "at_density",
    "by_sensitivity",
    "channels_left",
    "chosen_of",
    "evenly",
    "kept_of",
    "key_of",
    "least_lost",
    "losses_of",
    "lowest_first",
    "ranked",
    "stops_of",
    "within",
]
