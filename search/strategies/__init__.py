"""One strategy per file: what to try next, and what was learned from it."""

from search.strategies.back_tracking import BackTracking
from search.strategies.base import Strategy
from search.strategies.ddpg import DDPG
from search.strategies.ddpg_by_excess import DDPGByExcess
from search.strategies.evolution import Evolution
from search.strategies.evolution_by_excess import EvolutionByExcess
from search.strategies.gate_gradient import AllPaths, TwoPaths
from search.strategies.gp import GP
from search.strategies.knapsack import Knapsack
from search.strategies.knapsack_by_excess import KnapsackByExcess
from search.strategies.least_lost import LeastLost
from search.strategies.nsga2 import NSGA2
from search.strategies.random import RandomChoices
from search.strategies.random_by_excess import RandomByExcess
from search.strategies.reinforce import Reinforce
from search.strategies.sensitivity import Sensitivity
from search.strategies.tpe import TPE
from search.strategies.uniform import Uniform

AnyStrategy = TwoPaths | AllPaths | Reinforce | Evolution | RandomChoices | Knapsack | DDPG
AnyByExcess = (
    LeastLost
    | Sensitivity
    | KnapsackByExcess
    | BackTracking
    | Uniform
    | RandomByExcess
    | EvolutionByExcess
    | DDPGByExcess
    | TPE
    | GP
    | NSGA2
)
"""For costs that are no sum over knobs: a function says how much of a goal options exceed."""

__all__ = [
    "DDPG",
    "GP",
    "NSGA2",
    "TPE",
    "AllPaths",
    "AnyByExcess",
    "AnyStrategy",
    "BackTracking",
    "DDPGByExcess",
    "Evolution",
    "EvolutionByExcess",
    "Knapsack",
    "KnapsackByExcess",
    "LeastLost",
    "RandomByExcess",
    "RandomChoices",
    "Reinforce",
    "Sensitivity",
    "Strategy",
    "TwoPaths",
    "Uniform",
]
