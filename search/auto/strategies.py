"""Strategies by their names, and how many networks each may judge."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from search.auto.config import AutoConfig, StrategyName
from search.problems.compressed import Compression
from search.sensitivities import all_losses
from search.strategies import (
    GP,
    NSGA2,
    TPE,
    BackTracking,
    DDPGByExcess,
    EvolutionByExcess,
    KnapsackByExcess,
    LeastLost,
    RandomByExcess,
    Sensitivity,
    Strategy,
    Uniform,
)
from search.strategies.fitting import Excess
from search.strategies.probing import Losses, Probing
from search.strategies.uniform import same_everywhere

PROBED_STEPS = 3
PROBED_BITS = (4, 3, 2)
MOST_STEPS = 1000


@dataclass(frozen=True)
class Wanted:
    """What a strategy is made of: the flags, the knobs, the goal, and what is lost alone."""

    config: AutoConfig
    problem: Compression
    excess: Excess
    losses: Sequence[np.ndarray]

    @property
    def kinds(self) -> list[str]:
        """Which knobs are alike: channels, bits, zeros."""
        return [knob.name.partition(" ")[0] for knob in self.problem.knobs]


Made = tuple[Strategy, int]
"""A strategy, and the most networks that it judges."""
BY_LOSSES_ALONE: dict[StrategyName, type[Probing]] = {
    "least-lost": LeastLost,
    "sensitivity": Sensitivity,
    "knapsack": KnapsackByExcess,
}


def strategy_of(wanted: Wanted) -> Made:
    """The strategy that the flags name. ValueError where it cannot meet the goal."""
    config, counts, excess = wanted.config, wanted.problem.counts, wanted.excess
    kinds, seed, networks = wanted.kinds, config.seed, config.networks
    match config.strategy:
        case "least-lost" | "sensitivity" | "knapsack":
            tries = 1 if config.strategy == "sensitivity" else config.tries
            kind, alone = BY_LOSSES_ALONE[config.strategy], [()] * len(counts)
            filled = fillings(wanted.problem)
            return kind(counts, excess, alone, filled, tries, losses=wanted.losses), tries + 1
        case "back-tracking":
            return BackTracking(counts, excess, config.floor / 100), MOST_STEPS
        case "uniform":
            uniform = Uniform(counts, kinds, excess)
            return uniform, uniform.networks
        case "random":
            return RandomByExcess(counts, excess, seed), networks
        case "evolution":
            first = same_everywhere(counts, kinds, excess)
            return EvolutionByExcess(counts, excess, seed, first), networks
        case "ddpg":
            return DDPGByExcess(counts, kinds, excess, seed), networks
        case "tpe":
            return TPE(counts, excess, seed), networks
        case "gp":
            return GP(counts, excess, seed), networks
        case "nsga2":
            return NSGA2(counts, excess, seed), networks


def probing_of(problem: Compression) -> Probing:
    """Judges what each change loses alone, and nothing else."""
    return LeastLost(problem.counts, lambda options: 0.0, probes(problem), fillings(problem), 0)


def probes(problem: Compression) -> list[tuple[int, ...]]:
    """Which options of each knob are tried alone: some widths and shares, few bits."""
    found: list[tuple[int, ...]] = []
    for knob in problem.knobs:
        last = len(knob.labels) - 1
        if knob.name.startswith(("channels", "zeros")):
            steps = min(PROBED_STEPS, last)
            found.append(tuple(sorted({round(last * (n + 1) / steps) for n in range(steps)})))
        else:
            few = [n for n, bits in enumerate(problem.bits) if bits in PROBED_BITS]
            found.append(tuple(few or [last]))
    return found


def fillings(problem: Compression) -> list[Losses]:
    """How what was tried becomes what all options of a knob lose."""
    places = np.array(problem.bits, dtype=float)[:, None]
    by_bits = partial(_by_bits, places)
    return [
        by_bits if knob.name.startswith("bits") else partial(_between, len(knob.labels))
        for knob in problem.knobs
    ]


def _by_bits(places: np.ndarray, known: dict[int, float]) -> np.ndarray:
    """The law of rounding between those that were tried, and towards float, which loses nothing."""
    return all_losses({o: loss for o, loss in known.items() if o}, places, 0)


def _between(count: int, known: dict[int, float]) -> np.ndarray:
    """On lines between those that were tried."""
    tried = sorted(known)
    return np.interp(range(count), tried, [known[one] for one in tried])
