"""One strategy per file: what to try next, and what was learned from it."""

from search.strategies.back_tracking import BackTracking
from search.strategies.base import Strategy
from search.strategies.ddpg import DDPG
from search.strategies.evolution import Evolution
from search.strategies.gate_gradient import AllPaths, TwoPaths
from search.strategies.knapsack import Knapsack
from search.strategies.least_lost import LeastLost
from search.strategies.random import RandomChoices
from search.strategies.reinforce import Reinforce
from search.strategies.uniform import Uniform

AnyStrategy = TwoPaths | AllPaths | Reinforce | Evolution | RandomChoices | Knapsack | DDPG
AnyByExcess = LeastLost | BackTracking | Uniform
"""For costs that are no sum over knobs: a function says how much of a goal options exceed."""

__all__ = [
    "DDPG",
    "AllPaths",
    "AnyByExcess",
    "AnyStrategy",
    "BackTracking",
    "Evolution",
    "Knapsack",
    "LeastLost",
    "RandomChoices",
    "Reinforce",
    "Strategy",
    "TwoPaths",
    "Uniform",
]
