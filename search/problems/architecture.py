"""Which block stands on each edge of a space."""

from collections.abc import Sequence
from dataclasses import dataclass

from latency_tables.cost import CostModel
from latency_tables.expected import prices
from proxyless_nas import NetworkSpec, Space
from search.choices import Knob
from search.prices import Prices


@dataclass(frozen=True)
class Architecture:
    """One knob per decision of `space`."""

    space: Space

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """The decisions, in order, with readable options."""
        return tuple(Knob(name, labels) for name, labels in self.space.decisions)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of options of each knob."""
        return self.space.counts

    def decode(self, options: Sequence[int], name: str | None = None) -> NetworkSpec:
        """The network that these options describe."""
        return self.space.network(options, name)

    def prices(self, cost: CostModel) -> Prices:
        """The cost that every network pays, and per knob the price of each option."""
        first, *others = (prices(cost, space) for space in self.space.narrowed)
        return Prices(*first, cost.unit, others)
