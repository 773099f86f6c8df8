"""One strategy per file: what to try next, and what was learned from it."""

from search.strategies.base import Strategy
from search.strategies.ddpg import DDPG
from search.strategies.evolution import Evolution
from search.strategies.gate_gradient import AllPaths, TwoPaths
from search.strategies.knapsack import Knapsack
from search.strategies.random import RandomChoices
from search.strategies.reinforce import Reinforce

AnyStrategy = TwoPaths | AllPaths | Reinforce | Evolution | RandomChoices | Knapsack | DDPG

__all__ = [
    "DDPG",
    "AllPaths",
    "AnyStrategy",
    "Evolution",
    "Knapsack",
    "RandomChoices",
    "Reinforce",
    "Strategy",
    "TwoPaths",
]
