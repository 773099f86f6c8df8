"""Random widths that cost what they may, as candidates to be judged without tuning."""

from collections.abc import Mapping

import numpy as np

from compression.widths.choose import SHARES, Cost, first_enough, must_be_possible
from compression.widths.rounding import kept_of
from compression.widths.sizes import Gone

LEAST, MOST = 0.05, 0.9
"""No group loses a smaller or a larger share (as in Vitis)."""


def draw(
    widths: Mapping[str, int],
    cost: Cost,
    most: float,
    chance: np.random.Generator,
    deviation: float = 0.3,
    multiple: int = 1,
) -> Gone:
    """Each group loses a random share; all are moved alike until the network costs `most`.

    Their deviation is drawn too, between 0 and `deviation`. ValueError where the narrowest network
    costs more than `most`.
    """
    apart = dict(
        zip(widths, chance.normal(0, chance.uniform(0, deviation), len(widths)), strict=True)
    )

    def at(step: int) -> Gone:
        mean = 2 * step / SHARES - 0.5
        return {
            name: width - kept_of(width, float(np.clip(mean + apart[name], LEAST, MOST)), multiple)
            for name, width in widths.items()
        }

    must_be_possible(cost(at(SHARES)), most)
    return at(first_enough(SHARES, lambda step: cost(at(step)) <= most))
