"""The expected cost of a supernet, as a differentiable function of its path probabilities."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from latency_tables.cost import CostModel
from proxyless_nas.edges import AnyEdge, alone
from proxyless_nas.layer import Shape
from proxyless_nas.space import Space


def prices(cost: CostModel, space: Space) -> tuple[float, list[np.ndarray]]:
    """What every network of a space costs, and per decision the price of each option.

    The cost of a network is the first plus one price per decision, in the cost's unit.
    ValueError for a cost that is no sum over blocks, and for a space whose widths are a decision:
    they change the prices of all others, so each of `space.narrowed` has its own.
    """
    if space.widths:
        raise ValueError(f"space {space.name} has widths to choose: price each of its `narrowed`")
    if not cost.separable:
        raise ValueError(
            f"{type(cost).__name__} is a maximum over blocks, not a sum: it has no price per block"
        )
    options = [row for edge, shape in space.placed() for row in _rows(cost, edge, shape)]
    first = cost.network(space.network(space.first))
    return first - float(sum(row[0] for row in options)), options


def _rows(cost: CostModel, edge: AnyEdge, shape: Shape) -> list[np.ndarray]:
    """One row per decision of `edge`.

    Where it has several, a row says how much more each option costs than the cheapest, the other
    decisions being what they are: their costs add up as those of blocks do.
    """
    rows = [np.zeros(count) for count in edge.counts]
    for decision, options in alone(edge.counts):
        rows[decision][options[decision]] = cost.block(edge.block(options), shape)
    return rows if len(rows) < 2 else [row - row.min() for row in rows]


class ExpectedCost:
    """E[cost] = fixed + sum over decisions and options of p * price (Cai et al. 2019, eq. 5).

    Exact, not an approximation: the cost is a sum over edges, so its expectation is taken edge by
    edge whatever the other edges choose.
    """

    def __init__(self, cost: CostModel, space: Space) -> None:
        """LookupError where a table lacks a block of the space; ValueError as in `prices`."""
        self.unit = cost.unit
        self.fixed, rows = prices(cost, space)
        self._rows = [torch.from_numpy(row) for row in rows]

    def __call__(self, probabilities: Sequence[Tensor]) -> Tensor:
        """One vector of path probabilities per decision -> the expected cost, a scalar.

        Its gradient with respect to a probability is that candidate's price.
        """
        if [tuple(p.shape) for p in probabilities] != [tuple(row.shape) for row in self._rows]:
            wanted = [len(row) for row in self._rows]
            raise ValueError(
                f"probabilities of shapes {[tuple(p.shape) for p in probabilities]}; wanted one "
                f"vector per decision, of lengths {wanted}"
            )
        terms = [
            (p * row.to(device=p.device, dtype=p.dtype)).sum()
            for p, row in zip(probabilities, self._rows, strict=True)
        ]
        return self.fixed + torch.stack(terms).sum()
