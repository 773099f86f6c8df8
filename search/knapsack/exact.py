"""The least loss within a budget with a proof, by HiGHS: the judge of the fast solver."""

import math

import numpy as np
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import csr_array

from search.knapsack.rows import Assignment, Rows, assignment, check

SCALE = 1e4  # of what HiGHS is given: its tolerances are absolute, about 1e-6
TINY = 1e-300
"""A room of less is none: what is divided by it would be no number."""


def solve_exactly(losses: Rows, prices: Rows, budget: float) -> Assignment:
    """The answer of `solve` with a proof, by HiGHS (`scipy.optimize.milp`); tens of times slower.

    Here to judge `solve`.
    """
    check(losses, prices, budget)
    counts = [len(row) for row in losses]
    ends, knob = np.cumsum(counts), np.repeat(np.arange(len(counts)), counts)
    lost = np.concatenate([row - row.min() for row in losses])
    extra = np.concatenate([row - row.min() for row in prices])
    room = budget - math.fsum(float(row.min()) for row in prices)
    one_each = csr_array((np.ones(len(knob)), (knob, np.arange(len(knob)))))
    while True:
        fits = extra <= room
        answer = milp(
            lost * (SCALE / (lost.max() or 1.0)),
            integrality=np.ones(len(knob)),
            bounds=(0.0, fits.astype(float)),
            constraints=[
                LinearConstraint(one_each, 1, 1),
                LinearConstraint(
                    np.where(fits, extra, 0.0) * (SCALE / (room if room > TINY else 1.0)), ub=SCALE
                ),
            ],
            options={"mip_rel_gap": 0.0},
        )
        assert answer.success, answer.message
        taken = np.flatnonzero(answer.x > 0.5) - (ends - counts)
        found = assignment(losses, prices, taken.tolist())
        if found.price <= budget:
            return found
        room = max(0.0, room - 2 * (found.price - budget))  # its tolerance let it go beyond
