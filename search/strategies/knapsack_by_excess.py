"""A knapsack for costs that are no sum over knobs: prices are those beside what was found last."""

import math
from collections.abc import Sequence

import numpy as np

from search.knapsack import solve
from search.strategies.probing import Probing
from search.strategies.remembering import Options

ROUNDS = 6
HALVINGS = 40


class KnapsackByExcess(Probing):
    """Losses alone are taken to add up, and costs to be linear around a point.

    A knob's option is priced at the excess that it adds to the point, the others as they are there.
    For any room, `search.knapsack.solve` has the least summed loss; the room is bisected until what
    it finds just meets the goal, by its true excess. That is the next point: first the whole
    network, then what was found last, a few times. The solution is that of least summed loss. Where
    costs are sums it is the best there is.
    """

    def solve(self, losses: Sequence[np.ndarray]) -> Options:
        """The best of all rounds."""
        points = [self.start]
        while len(points) <= ROUNDS:
            found = self._beside(points[-1], losses)
            if found in points:
                break
            points.append(found)

        def lost(options: Options) -> float:
            return math.fsum(float(row[o]) for row, o in zip(losses, options, strict=True))

        return min(filter(self.fits, points), key=lost, default=self.last)

    def _beside(self, point: Options, losses: Sequence[np.ndarray]) -> Options:
        """The least summed loss that meets the goal, by prices around a point; where no room leads
        to one, the last options."""
        here = self.excess(point)
        prices = [
            np.array([self.excess(self._with(point, knob, o)) - here for o in range(count)])
            for knob, count in enumerate(self.counts)
        ]
        low, high = (math.fsum(float(end(row)) for row in prices) for end in (np.min, np.max))
        found = self.last
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            options = solve(losses, prices, middle).options
            if self.fits(options):
                low, found = middle, options
            else:
                high = middle
        return found
