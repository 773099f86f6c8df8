"""Which block stands on each edge of a space."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latency_tables.cost import CostModel
from latency_tables.expected import prices
from proxyless_nas import NetworkSpec, Space
from proxyless_nas.naming import label_of
from search.choices import Knob


@dataclass(frozen=True)
class Architecture:
    """One knob per searched edge of `space`, one option per candidate block."""

    space: Space

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """The searched edges, in order, with readable candidates."""
        placed = list(self.space.placed())
        knobs: list[Knob] = []
        for index in self.space.searched:
            edge, shape = placed[index]
            labels = tuple(label_of(candidate, shape) for candidate in edge.candidates)
            knobs.append(Knob(f"blocks.{index}", labels))
        return tuple(knobs)

    def decode(self, options: Sequence[int], name: str | None = None) -> NetworkSpec:
        """The network that these options describe."""
        return self.space.network(options, name)

    def prices(self, cost: CostModel) -> tuple[float, list[np.ndarray]]:
        """The cost that every network pays, and per knob the price of each option."""
        return prices(cost, self.space)
