"""Try options alone, then take away where least is lost for what is saved."""

from collections.abc import Sequence

import numpy as np

from compression.widths import least_lost
from search.strategies.probing import Probing
from search.strategies.remembering import Options


class LeastLost(Probing):
    """For costs that are no sum over knobs: what one saves depends on what went before.

    The solution is what `compression.widths.least_lost` makes of what options lose alone.
    """

    def solve(self, losses: Sequence[np.ndarray]) -> Options:
        """Step by step, where least is lost for what is saved."""
        by_knob = {str(knob): row for knob, row in enumerate(losses)}
        stops = {str(knob): tuple(range(1, count)) for knob, count in enumerate(self.counts)}
        gone = least_lost(by_knob, lambda one: self.excess(self._options(one)), 1.0, stops)
        return self._options(gone)
