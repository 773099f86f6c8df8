"""A front of loss against cost, from the goal down, by a genetic algorithm."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from search.strategies.by_optuna import ByOptuna
from search.strategies.fitting import Excess
from search.strategies.remembering import Options

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

FURTHER = "further"
HALF = 0.5


class NSGA2(ByOptuna):
    """NSGA-II (Deb et al. 2002): generations of `population`, made from those that fewest others
    beat in both loss and excess.

    One number more says how far a network goes beyond the goal, so all of them meet it. The answer
    is that of least loss; what else was judged are other bargains.
    """

    objectives = 2
    extra = (FURTHER,)

    def __init__(
        self, counts: Sequence[int], excess: Excess, seed: int, population: int = 20
    ) -> None:  # fmt: skip
        self.batch = population
        super().__init__(counts, excess, seed, startup=population)

    def sampler(self, samplers: Any, seed: int) -> "BaseSampler":
        """Uniform crossover."""
        return samplers.NSGAIISampler(population_size=self.batch, seed=seed)

    def values(self, options: Options) -> list[float]:
        """Loss and excess."""
        return [self._seen[options], self.excess(options)]

    def numbers(self) -> dict[str, float]:
        """At the goal, or as often anywhere below it."""
        beyond, share = torch.rand(2, generator=self.generator).tolist()
        return super().numbers() | {FURTHER: share * (beyond < HALF)}

    def options(self, numbers: dict[str, float]) -> Options:
        """A wish, moved on beyond the goal."""
        return self.along(self.wish(numbers), numbers[FURTHER])
