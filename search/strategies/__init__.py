"""One strategy per file: what to try next, and what was learned from it."""

from search.strategies.gate_gradient import GateGradient
from search.strategies.random import RandomChoices

AnyStrategy = GateGradient | RandomChoices

__all__ = ["AnyStrategy", "GateGradient", "RandomChoices"]
