"""From a name to a strategy that searches bits within a budget, and how long it needs."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from proxyless_nas.bits import Bits
from search.ddpg import BitLayer
from search.knapsack import solve
from search.objective import Objective
from search.precision.config import HaqConfig
from search.prices import Prices
from search.problems.precision import Precision
from search.strategies import DDPG, Evolution, Knapsack, RandomChoices, Strategy, TwoPaths

GATE_STEPS, EPISODES, NETWORKS, TRIES = 200, 600, 300, 20
GATE_RATE = 0.1
HALVINGS = 100
PROBED = (4, 2)
"""Bits at which a layer is tried alone, beside the most; the rest follows the law of rounding."""


def strategy_of(
    config: HaqConfig,
    problem: Precision,
    prices: Prices,
    budget: float,
    original: float,
    losses: Sequence[np.ndarray] | None,
) -> tuple[Strategy, int]:
    """The strategy, and the most networks it needs judged.

    `original` is the accuracy in float, which `ddpg` needs; `losses` what options lose alone,
    which `knapsack` and `gates` need.
    """
    band = budget * (1 - config.tolerance), budget
    match config.strategy:
        case "knapsack":
            start = problem.uniform(problem.options[0])
            return Knapsack(prices, budget, start, losses=losses, tries=TRIES), TRIES
        case "gates":
            assert losses is not None
            start, multiplier = near_optimal(losses, prices, budget)
            objective = Objective(budget, config.tolerance, "add", multiplier * budget)
            return TwoPaths(prices, objective, GATE_RATE, config.seed, start), GATE_STEPS
        case "ddpg":
            layers = layers_told(problem)
            return DDPG(layers, prices, budget, config.seed, original), EPISODES
        case "evolution":
            return Evolution(prices, band, config.seed, batch=30), NETWORKS
        case "random":
            return RandomChoices(prices, band, config.seed), NETWORKS
        case "uniform":
            raise ValueError("uniform bits are compared, not searched")


def near_optimal(
    losses: Sequence[np.ndarray], prices: Prices, budget: float
) -> tuple[Tensor, float]:
    """Logits [knobs, widest] of options that are nearly as good as the best, and a multiplier.

    They are -(loss + multiplier * price) / t, where t is what a knob of the knapsack's answer loses
    on average, and the multiplier makes the expected price the budget.
    """
    ((fixed, rows),) = prices.tables()
    spread = solve(losses, rows, budget - fixed).loss / len(rows)
    table, price = (_padded(each, prices) for each in (losses, rows))
    spread = max(spread, torch.finfo(torch.float32).tiny)
    low, high = 0.0, float(table.max() - table.min()) / float(price[price > 0].min())
    for _ in range(HALVINGS):
        multiplier = (low + high) / 2
        logits = -(table + multiplier * price) / spread
        logits = torch.where(prices.alive, logits, -torch.inf)
        dear = prices.expected(torch.softmax(logits, dim=1)) > budget
        low, high = (multiplier, high) if dear else (low, multiplier)
    logits = -(table + high * price) / spread
    return logits, high


def _padded(rows: Sequence[np.ndarray], prices: Prices) -> Tensor:
    table = torch.zeros(prices.alive.shape, dtype=torch.float64)
    for knob, row in enumerate(rows):
        table[knob, : len(row)] = torch.from_numpy(row)
    return table


def probing(problem: Precision, prices: Prices) -> Knapsack:
    """What asks for every layer alone, and then knows the `losses` of all its options."""
    knobs, probed = len(problem.searched), probes(problem)
    return Knapsack(
        prices,
        prices.most,
        start=problem.uniform(problem.options[0]),
        probed=[probed] * knobs,
        places=[places(problem)] * knobs,
    )


def probes(problem: Precision) -> tuple[int, ...]:
    """Options in which one side has few bits and the other the most."""
    most, known = problem.options[0], problem.options
    fewest = known[-1]
    pairs = [Bits(bits, most.activations) for bits in {*PROBED, fewest.weights}]
    pairs += [Bits(most.weights, bits) for bits in {*PROBED, fewest.activations}]
    return tuple(sorted({known.index(pair) for pair in pairs if pair in known} - {0}))


def places(problem: Precision) -> np.ndarray:
    """[options, 2]: bits of weights and of activations."""
    return np.array([(pair.weights, pair.activations) for pair in problem.options], dtype=float)


def layers_told(problem: Precision) -> Sequence[BitLayer]:
    """What the agent is told of each layer that has a knob."""
    bits = tuple((pair.weights, pair.activations) for pair in problem.options)
    first = {layer.name: layer for layer in reversed(problem.layers)}
    return [BitLayer.of(first[name], bits) for name in problem.searched]


def uniform_within(
    problem: Precision, prices: Prices, budget: float
) -> tuple[tuple[int, ...], ...]:
    """The same pair everywhere: all pairs that fit, but those that have no more bits of either kind
    than another one that fits.

    ValueError where not even the fewest bits fit.
    """
    fitting = [pair for pair in problem.options if prices.of(problem.uniform(pair)) <= budget]
    if not fitting:
        raise ValueError(f"no uniform bits cost {budget:g} {prices.unit} or less")
    most = [
        one
        for one in fitting
        if not any(
            other != one and other.weights >= one.weights and other.activations >= one.activations
            for other in fitting
        )
    ]
    return tuple(map(problem.uniform, most))
