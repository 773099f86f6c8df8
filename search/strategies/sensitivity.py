"""The same loss alone is allowed to every knob, as decent_p and Vitis prune."""

from collections.abc import Sequence

import numpy as np

from compression.widths import by_sensitivity
from search.strategies.probing import Probing
from search.strategies.remembering import Options


class Sensitivity(Probing):
    """Each knob takes the furthest option whose loss alone is within one threshold for all.

    The threshold is the least of the losses for which the goal is met (the sparsity of groups in
    Vitis AI Optimizer, whose measure is accuracy); it is found by bisection.
    """

    def solve(self, losses: Sequence[np.ndarray]) -> Options:
        """What the least such threshold allows."""
        drops = {str(knob): list(enumerate(row.tolist()))[1:] for knob, row in enumerate(losses)}
        gone = by_sensitivity(drops, lambda one: self.excess(self._options(one)), 1.0)
        return self._options(gone)
