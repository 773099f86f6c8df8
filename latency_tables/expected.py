"""The expected cost of a supernet, as a differentiable function of its path probabilities."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from latency_tables.cost import CostModel
from proxyless_nas.space import Space


def prices(cost: CostModel, space: Space) -> tuple[float, list[np.ndarray]]:
    """What every network of a space costs, and per searched edge the price of each candidate.

    The cost of a network is the first plus one price per searched edge, in the cost's unit.
    ValueError for a cost that is no sum over blocks.
    """
    if not cost.separable:
        raise ValueError(
            f"{type(cost).__name__} is a maximum over blocks, not a sum: it has no price per block"
        )
    placed = list(space.placed())
    options = [
        np.array([cost.block(c, placed[index][1]) for c in placed[index][0].candidates])
        for index in space.searched
    ]
    first = cost.network(space.network([0] * len(options)))
    return first - float(sum(row[0] for row in options)), options


class ExpectedCost:
    """E[cost] = fixed + sum over edges and candidates of p * price (Cai et al. 2019, eq. 2).

    Exact, not an approximation: the cost is a sum over edges, so its expectation is taken edge by
    edge whatever the other edges choose.
    """

    def __init__(self, cost: CostModel, space: Space) -> None:
        """LookupError where a table lacks a block of the space; ValueError as in `prices`."""
        self.unit = cost.unit
        self.fixed, rows = prices(cost, space)
        self._rows = [torch.from_numpy(row) for row in rows]

    def __call__(self, probabilities: Sequence[Tensor]) -> Tensor:
        """One vector of path probabilities per searched edge -> the expected cost, a scalar.

        Its gradient with respect to a probability is that candidate's price.
        """
        if [tuple(p.shape) for p in probabilities] != [tuple(row.shape) for row in self._rows]:
            wanted = [len(row) for row in self._rows]
            raise ValueError(
                f"probabilities of shapes {[tuple(p.shape) for p in probabilities]}; wanted one "
                f"vector per searched edge, of lengths {wanted}"
            )
        terms = [
            (p * row.to(device=p.device, dtype=p.dtype)).sum()
            for p, row in zip(probabilities, self._rows, strict=True)
        ]
        return self.fixed + torch.stack(terms).sum()
