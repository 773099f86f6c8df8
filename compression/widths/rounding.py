"""How many channels stay where a share of them goes and widths are multiples of something."""

import math
from typing import Literal

Rounding = Literal["nearest", "up"]
"""To which multiple: the nearest one, as in Vitis, or the next one, as in network slimming."""
ROUNDING = 1e-6
"""A product that float arithmetic leaves so far above a whole number is that number."""


def kept_of(width: int, share: float, multiple: int = 1, rounding: Rounding = "nearest") -> int:
    """Of `width` channels, those that stay when `share` of them goes; at least `multiple`.

    `nearest`: what is left is rounded down to a whole number, and that to a multiple, halves up, as
    in Vitis. `up`: to the next multiple, so that of n channels at a density d ceil(n d) stay, as in
    network slimming. A group no wider than `multiple` stays as it is. ValueError for a share
    outside 0 to 1 and for a multiple below 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share of channels lies between 0 and 1, not at {share:g}")
    if multiple < 1:
        raise ValueError(f"widths cannot be multiples of {multiple}")
    if width <= multiple:
        return width
    left = (1 - share) * width
    if rounding == "up":
        kept = math.ceil(left / multiple - ROUNDING) * multiple
        return min(width, max(multiple, kept))
    return max(multiple, (2 * int(left) + multiple) // (2 * multiple) * multiple)
