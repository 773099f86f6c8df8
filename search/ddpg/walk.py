"""One step after another through the layers, first weights, then activations, never too dear."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from search.ddpg.layers import BitLayer
from search.prices import Prices

SEEN = 10  # numbers in an observation
FIRST = 1.0  # the action before the first
WEIGHTS, ACTIVATIONS = 0, 1
ROUNDING = 1e-12  # relatively; sums of the same prices in another order differ by less


class Trace(NamedTuple):
    """A walk: its options, and of every step what was seen [steps, 10] and done [steps]."""

    options: tuple[int, ...]
    seen: np.ndarray
    done: np.ndarray


class Step(NamedTuple):
    """What is due: of which layer, which kind of bits, what is seen, and what each level costs at
    least, with what may be spent on it; infinity where a level does not go with the weights'."""

    layer: int
    kind: int
    seen: np.ndarray
    prices: np.ndarray
    room: float

    def nearest(self, action: float) -> int:
        """The open level that is nearest to the one in whose share of [0, 1] the action lies."""
        wanted = min(len(self.prices) - 1, int(action * len(self.prices)))
        fits = np.flatnonzero(self.prices <= self.room).tolist()
        if not fits:  # by a rounding: everything is at its cheapest
            return int(self.prices.argmin())
        return min(fits, key=lambda level: (abs(level - wanted), level))


class Walk:
    """Turns actions in [0, 1] into options, and options back into observations and actions.

    Every level of bits of a layer has an equal share of [0, 1]. A level is open as long as all
    later layers can still take their cheapest option within the budget; from a closed one the
    nearest open one is taken, of two the lower. The action that is remembered is the middle of the
    share of the level that was taken. Where a layer has but one level there is no step.

    An observation (Wang et al. 2019, section 3.1), every number in [0, 1]: layer, channels in and
    out, kernel, stride, feature map and weights, each from the least to the most of the network;
    1 for a depthwise layer; 1 for activations; the action before, at first 1.
    """

    def __init__(self, layers: Sequence[BitLayer], prices: Prices, budget: float) -> None:
        (fixed, rows), *others = prices.tables()
        if others or [len(layer.bits) for layer in layers] != list(prices.counts):
            raise ValueError("every layer needs one row of prices, with one for each of its bits")
        prices.must_allow(budget)
        self._grids = [_Grid(layer, row) for layer, row in zip(layers, rows, strict=True)]
        self._room = budget - fixed - ROUNDING * abs(budget)
        least = [float(row.min()) for row in rows]
        self._later = [math.fsum(least[place + 1 :]) for place in range(len(least))]
        self._shapes = _shapes(layers)
        self.steps = sum(count > 1 for grid in self._grids for count in grid.prices.shape)
        if not self.steps:
            raise ValueError("no layer has more than one pair of bits: there is nothing to choose")

    def forward(self, act: Callable[[np.ndarray], float]) -> Trace:
        """`act` says what to do at what is seen."""
        return self._go(lambda step: step.nearest(act(step.seen)))

    def retrace(self, options: Sequence[int]) -> Trace:
        """The walk that led to these options."""
        return self._go(lambda step: self._grids[step.layer].levels[options[step.layer]][step.kind])

    def _go(self, pick: Callable[[Step], int]) -> Trace:
        options: list[int] = []
        seen: list[np.ndarray] = []
        done: list[float] = []
        left = self._room

        def choose(layer: int, kind: int, prices: np.ndarray) -> int:
            if len(prices) == 1:
                return 0
            seen.append(np.append(self._shapes[layer], (kind, done[-1] if done else FIRST)))
            level = pick(Step(layer, kind, seen[-1], prices, left - self._later[layer]))
            done.append((level + 0.5) / len(prices))
            return level

        for layer, grid in enumerate(self._grids):
            row = choose(layer, WEIGHTS, grid.prices.min(axis=1))
            column = choose(layer, ACTIVATIONS, grid.prices[row])
            options.append(int(grid.options[row, column]))
            left -= float(grid.prices[row, column])
        return Trace(tuple(options), np.array(seen), np.array(done))


class _Grid:
    """A layer's prices [levels of weight bits, of activation bits], and which option is where."""

    def __init__(self, layer: BitLayer, row: np.ndarray) -> None:
        kinds = [sorted({pair[kind] for pair in layer.bits}) for kind in (WEIGHTS, ACTIVATIONS)]
        self.levels = [
            (kinds[WEIGHTS].index(weights), kinds[ACTIVATIONS].index(activations))
            for weights, activations in layer.bits
        ]
        shape = (len(kinds[WEIGHTS]), len(kinds[ACTIVATIONS]))
        self.prices, self.options = np.full(shape, np.inf), np.full(shape, -1)
        for option, (place, price) in enumerate(zip(self.levels, row, strict=True)):
            if self.options[place] >= 0:
                raise ValueError(f"a layer has the pair of bits {layer.bits[option]} twice")
            self.prices[place], self.options[place] = price, option


def _shapes(layers: Sequence[BitLayer]) -> np.ndarray:
    """[layers, 8]: what an observation says of each layer."""
    sizes = np.array(
        [
            (place, one.inputs, one.outputs, one.kernel, one.stride, one.feature, one.weights)
            for place, one in enumerate(layers)
        ],
        dtype=float,
    )
    reach = np.ptp(sizes, axis=0)
    scaled = (sizes - sizes.min(axis=0)) / np.where(reach > 0, reach, 1.0)
    return np.column_stack([scaled, [float(one.depthwise) for one in layers]])
