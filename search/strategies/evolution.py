"""Evolution under a constraint on the weights of a trained supernet (Cai et al. 2020, OFA)."""

import torch

from search.choices import Choices
from search.prices import Prices
from search.strategies.breeding import Breeding
from search.strategies.random import RandomChoices
from search.strategies.remembering import Options


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
        self._breeding = Breeding(
            self.generator, mutation, lambda: self.likely().options,
            lambda: self.fitting().options, self._allowed,
        )  # fmt: skip

    def ask(self) -> tuple[Choices, ...]:
        """The next generation."""
        ranked = sorted(self._seen, key=lambda options: (-self._seen[options], options))
        best = torch.tensor(ranked[: self.parents])
        if len(best) < 2:
            return super().ask()
        children = self._breeding.children(best, self.batch)
        return tuple(map(Choices, children)) or super().ask()

    def _allowed(self, options: Options) -> Options | None:
        new = options not in self._seen
        return options if new and self.fits(Choices(options)) else None
