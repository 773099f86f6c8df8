"""Evolution under a constraint on the weights of a trained supernet (Cai et al. 2020, OFA)."""

import torch

from search.choices import Choices
from search.prices import Prices
from search.strategies.random import RandomChoices

PATIENCE = 100  # children of the same parents before chance brings a stranger


class Evolution(RandomChoices):
    """Generations of `batch` networks in the band, made from the most accurate so far.

    The first generation is random. Then the `parents` share of `batch` that is the most accurate
    of all that were ever judged has children: half of them mutants of one parent, each knob drawn
    anew with probability `mutation`, half of them crosses of two, each knob from either. A child
    outside the band, or known, is made again. Nothing is judged twice.
    """

    def __init__(
        self,
        prices: Prices,
        band: tuple[float, float] | None,
        seed: int,
        batch: int = 100,
        parents: float = 0.25,
        mutation: float = 0.1,
    ) -> None:
        super().__init__(prices, band, seed, batch)
        self.parents = max(2, round(parents * batch))
        self.mutation = mutation

    def ask(self) -> tuple[Choices, ...]:
        """The next generation."""
        ranked = sorted(self._seen, key=lambda options: (-self._seen[options], options))
        best = torch.tensor(ranked[: self.parents])
        if len(best) < 2:
            return super().ask()
        found: dict[tuple[int, ...], Choices] = {}
        for number in range(self.batch):
            child = self._child(best, crossed=number % 2 == 1, known=found)
            if child is not None:
                found[child.options] = child
        return tuple(found.values()) or super().ask()

    def _child(
        self, best: torch.Tensor, crossed: bool, known: dict[tuple[int, ...], Choices]
    ) -> Choices | None:
        for attempt in range(2 * PATIENCE):
            if attempt < PATIENCE:
                choices = self._cross(best) if crossed else self._mutant(best)
            else:
                choices = self.fitting()
            new = choices.options not in self._seen and choices.options not in known
            if new and self.fits(choices):
                return choices
        return None

    def _mutant(self, best: torch.Tensor) -> Choices:
        parent = best[self._number(len(best))]
        fresh = torch.tensor(self.likely().options)
        changed = torch.rand(len(parent), generator=self.generator) < self.mutation
        return Choices(tuple(torch.where(changed, fresh, parent).tolist()))

    def _cross(self, best: torch.Tensor) -> Choices:
        one, other = best[torch.randperm(len(best), generator=self.generator)[:2]]
        from_one = torch.rand(len(one), generator=self.generator) < 0.5
        return Choices(tuple(torch.where(from_one, one, other).tolist()))

    def _number(self, below: int) -> int:
        return int(torch.randint(below, (), generator=self.generator))
