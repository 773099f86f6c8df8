"""Six knobs whose costs are no sum and whose losses nearly are; few enough to look at all."""

from collections.abc import Callable
from itertools import pairwise, product
from typing import get_args

import numpy as np
import torch

from search.choices import Choices, Evidence
from search.ddpg import Settings
from search.strategies import (
    GP,
    NSGA2,
    TPE,
    AnyByExcess,
    BackTracking,
    DDPGByExcess,
    EvolutionByExcess,
    KnapsackByExcess,
    LeastLost,
    RandomByExcess,
    Sensitivity,
    Uniform,
)
from search.strategies.fitting import Excess

Options = tuple[int, ...]
COUNTS = (4, 3, 5, 4, 3, 4)
KINDS = ("wide", "wide", "wide", "bits", "bits", "bits")
LOSSES = [
    np.array(row)
    for row in (
        (0.0, 0.1, 0.5, 2.0), (0.0, 0.4, 0.9), (0.0, 0.05, 0.2, 0.7, 1.6),
        (0.0, 0.2, 0.3, 1.0), (0.0, 0.02, 0.6), (0.0, 0.3, 0.8, 1.1),
    )
]  # fmt: skip
EVERY: list[Options] = list(product(*map(range, COUNTS)))


def cost(options: Options) -> float:
    """Like bytes: what layers hold is a product of the widths before and behind them, times bits.
    From 3 down."""
    a, b, c, *bits = (1 - option / count for option, count in zip(options, COUNTS, strict=True))
    return a * bits[0] + a * b * bits[1] + b * c * bits[2]


def lost(options: Options) -> float:
    """From 0: losses alone, and a tenth of the products of neighbours."""
    alone = [float(row[o]) for row, o in zip(LOSSES, options, strict=True)]
    return sum(alone) + 0.1 * sum(x * y for x, y in pairwise(alone))


def evidence_of(choices: Choices) -> Evidence:
    loss = torch.tensor(lost(choices.options), dtype=torch.float64)
    return Evidence(loss, 1 - loss / 10)


def excess_over(most: float) -> Excess:
    return lambda options: cost(options) / most


def least(most: float) -> float:
    """The best of all that cost so little."""
    return min(lost(one) for one in EVERY if cost(one) <= most)


def known(count: int) -> Callable[[dict[int, float]], np.ndarray]:
    return lambda tried: np.array([tried[option] for option in range(count)])


ALONE = [tuple(range(1, count)) for count in COUNTS]
FILLED = [known(count) for count in COUNTS]
PROBES = 1 + sum(count - 1 for count in COUNTS)
SMALL = Settings(hidden=(16, 16), warmup=10, reward_scale=1.0, actor_lr=1e-3)
MAKERS: dict[type, Callable[[Excess, int], AnyByExcess]] = {
    LeastLost: lambda excess, seed: LeastLost(COUNTS, excess, ALONE, FILLED),
    Sensitivity: lambda excess, seed: Sensitivity(COUNTS, excess, ALONE, FILLED, 1),
    KnapsackByExcess: lambda excess, seed: KnapsackByExcess(COUNTS, excess, ALONE, FILLED),
    BackTracking: lambda excess, seed: BackTracking(COUNTS, excess, drop=1.0),
    Uniform: lambda excess, seed: Uniform(COUNTS, KINDS, excess),
    RandomByExcess: lambda excess, seed: RandomByExcess(COUNTS, excess, seed),
    EvolutionByExcess: lambda excess, seed: EvolutionByExcess(COUNTS, excess, seed, batch=10),
    DDPGByExcess: lambda excess, seed: DDPGByExcess(COUNTS, KINDS, excess, seed, SMALL),
    TPE: lambda excess, seed: TPE(COUNTS, excess, seed),
    GP: lambda excess, seed: GP(COUNTS, excess, seed, startup=8),
    NSGA2: lambda excess, seed: NSGA2(COUNTS, excess, seed, population=10),
}
KINDS_OF_STRATEGY = get_args(AnyByExcess)
