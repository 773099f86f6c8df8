"""How networks get children: mutants of one, crosses of two, and strangers where these fail."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from search.strategies.remembering import Options

PATIENCE = 100  # children of the same parents before chance brings a stranger


@dataclass(frozen=True)
class Breeding:
    """Half of the children are mutants of one parent, each knob drawn anew with probability
    `mutation` from `likely`; half are crosses of two, each knob from either.

    `allowed` makes of a child what may be judged, or None. A child that is not allowed, or was
    known, is made again; in the end a `stranger` is taken.
    """

    generator: Generator
    mutation: float
    likely: Callable[[], Options]
    stranger: Callable[[], Options]
    allowed: Callable[[Options], Options | None]

    def children(self, parents: Tensor, count: int) -> list[Options]:
        """At most `count` different ones of `parents` [2 or more, knobs]."""
        found: dict[Options, None] = {}
        for number in range(count):
            child = self._child(parents, crossed=number % 2 == 1, known=found)
            if child is not None:
                found[child] = None
        return list(found)

    def _child(self, parents: Tensor, crossed: bool, known: dict[Options, None]) -> Options | None:
        for attempt in range(2 * PATIENCE):
            if attempt < PATIENCE:
                options = self._cross(parents) if crossed else self._mutant(parents)
            else:
                options = self.stranger()
            child = self.allowed(options)
            if child is not None and child not in known:
                return child
        return None

    def _mutant(self, parents: Tensor) -> Options:
        parent = parents[int(torch.randint(len(parents), (), generator=self.generator))]
        fresh = torch.tensor(self.likely())
        changed = torch.rand(len(parent), generator=self.generator) < self.mutation
        return tuple(torch.where(changed, fresh, parent).tolist())

    def _cross(self, parents: Tensor) -> Options:
        one, other = parents[torch.randperm(len(parents), generator=self.generator)[:2]]
        from_one = torch.rand(len(one), generator=self.generator) < 0.5
        return tuple(torch.where(from_one, one, other).tolist())
