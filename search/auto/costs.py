"""What a compressed network costs, told without building it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from compression.masks import Level
from compression.widths.sizes import Sizes
from proxyless_nas.bits import FLOAT_BITS, MOST_BITS, stored_bytes
from proxyless_nas.layer import FLOAT_BYTES
from search.auto.goal import Bound, Goal, Metric
from search.problems.compressed import Compressed

Cost = Callable[[Compressed], float]


def counted(sizes: Sizes, weights: Mapping[str, str]) -> dict[Metric, Cost]:
    """MACs, parameters, those that are not zero, and bytes of all that must be stored; `weights`
    names those of each layer.

    Bytes are those of weights at their bits, and of everything else, a step per output channel of
    rounded weights among it, as float32.
    """

    def bytes_of(one: Compressed) -> float:
        rest = sizes.parameters(one.gone)
        total = 0.0
        for layer, tensor in weights.items():
            bits = MOST_BITS if one.int8 else one.bits.get(layer, FLOAT_BITS)
            shape = sizes.shape(tensor, one.gone)
            rest -= prod(shape)
            total += stored_bytes(shape, bits)
        return total + FLOAT_BYTES * rest

    def nonzeros(one: Compressed) -> float:
        zeros = 0
        for layer, share in one.zeros.items():
            zeros += Level(share=share).gone(prod(sizes.shape(weights[layer], one.gone)))
        return float(sizes.parameters(one.gone) - zeros)

    return {
        "macs": lambda one: float(sizes.macs(one.gone)),
        "parameters": lambda one: float(sizes.parameters(one.gone)),
        "nonzeros": nonzeros,
        "bytes": bytes_of,
    }


@dataclass(frozen=True)
class Limits:
    """The bounds of a goal for one network."""

    costs: Mapping[Metric, Cost]
    bounds: tuple[Bound, ...]
    whole: Mapping[Metric, float]

    @staticmethod
    def of(goal: Goal, costs: Mapping[Metric, Cost], nothing: Compressed) -> "Limits":
        """Those that are asked for, as shares of what the network costs when `nothing` is done."""
        return Limits(costs, goal.bounds, {one.of: costs[one.of](nothing) for one in goal.bounds})

    def excess(self, one: Compressed) -> float:
        """The most that any cost is of its bound: 1 where one is just met, less where all are."""
        return max(
            self.costs[bound.of](one) / bound.limit(self.whole[bound.of]) for bound in self.bounds
        )

    def told(self, one: Compressed) -> dict[Metric, float]:
        """Each cost."""
        return {bound.of: self.costs[bound.of](one) for bound in self.bounds}
