"""One option per knob with the least summed loss within a budget: a multiple-choice knapsack.

`exact` holds a slow solver that proves its answers.
"""

from search.knapsack.lagrangian import solve
from search.knapsack.rows import Assignment, Rows
from search.knapsack.sweep import front

__all__ = ["Assignment", "Rows", "front", "solve"]
