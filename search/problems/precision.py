"""How many bits each layer computes with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from proxyless_nas.bits import MOST_BITS, Bits, Policy, with_bits
from proxyless_nas.layer import Layer
from search.choices import Knob
from search.prices import Prices

MOST = Bits(MOST_BITS, MOST_BITS)
Price = Callable[[Layer, Bits], float]
"""What one call of a layer costs."""


@dataclass(frozen=True)
class Precision:
    """One knob per layer, whose options are pairs; the first and the last may have fixed bits.

    The price of a pair is no sum of one of its weights and one of its activations, so both are one
    knob. The first option is the pair of most bits; the others follow in the order of `weights`
    and `activations` [bits], which fall.
    """

    network: str
    layers: tuple[Layer, ...]
    """All of the network, in the order of its calls."""
    weights: tuple[int, ...] = (8, 7, 6, 5, 4, 3, 2)
    activations: tuple[int, ...] = (8, 7, 6, 5, 4, 3, 2)
    ends: Bits | None = MOST
    """Bits of the first and the last layer; None gives them knobs too."""

    def __post_init__(self) -> None:
        for bits in (self.weights, self.activations):
            if not bits or list(bits) != sorted(set(bits), reverse=True):
                raise ValueError(
                    f"bits {bits} do not fall: say them from most to fewest, each once"
                )
        if not self.searched:
            raise ValueError(f"{self.network} has no layer between its first and its last one")

    @property
    def options(self) -> tuple[Bits, ...]:
        """The pairs, the same for every knob."""
        return tuple(Bits(w, a) for w, a in product(self.weights, self.activations))

    def options_of(self, name: str) -> tuple[Bits, ...]:
        """The pairs that a layer may have."""
        return self.options if name in self.searched else (self._end(),)

    @property
    def names(self) -> tuple[str, ...]:
        """Layers that compute, by name, each once."""
        return tuple(dict.fromkeys(layer.name for layer in with_bits(self.layers)))

    @property
    def searched(self) -> tuple[str, ...]:
        """Layers with a knob of their own."""
        return self.names if self.ends is None else self.names[1:-1]

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """In the order of the layers."""
        labels = tuple(map(str, self.options))
        return tuple(Knob(name, labels) for name in self.searched)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of options of each knob."""
        return (len(self.options),) * len(self.searched)

    def decode(self, options: Sequence[int]) -> Policy:
        """The bits of all layers."""
        pairs = self.options
        chosen = {name: pairs[o] for name, o in zip(self.searched, options, strict=True)}
        return Policy(self.network, {name: chosen.get(name) or self._end() for name in self.names})

    def uniform(self, bits: Bits) -> tuple[int, ...]:
        """The same pair everywhere. ValueError for one that is no option."""
        if bits not in self.options:
            raise ValueError(f"{bits} is none of the pairs that are searched")
        return (self.options.index(bits),) * len(self.searched)

    def prices(self, price: Price, unit: str, count_ends: bool, calls: bool = True) -> Prices:
        """What each pair costs in each layer, all its `calls` together, or but once.

        With `count_ends` a first and a last layer of fixed bits cost something too.
        """
        rows = {name: np.zeros(len(self.options)) for name in self.searched}
        fixed = 0.0
        every = with_bits(self.layers)
        for layer in every if calls else {layer.name: layer for layer in every}.values():
            if layer.name in rows:
                rows[layer.name] += [price(layer, bits) for bits in self.options]
            elif count_ends:
                fixed += price(layer, self._end())
        return Prices(fixed, list(rows.values()), unit)

    def _end(self) -> Bits:
        assert self.ends is not None
        return self.ends
