"""Evolution of networks that meet a goal which is no sum over knobs."""

from collections.abc import Sequence

import torch

from search.choices import Choices
from search.strategies.breeding import Breeding
from search.strategies.fitting import Drawing, Excess
from search.strategies.remembering import Options


class EvolutionByExcess(Drawing):
    """Generations of `batch` networks, made from the best so far; all of them meet the goal.

    The first generation holds those of `first` that fit, the same numbers everywhere, say, and
    random networks. Then the `parents` share of `batch` that is the best of all that were ever
    judged has children: half of them mutants of one parent, each knob with probability `mutation`
    taken from a random network, half of them crosses of two. Of a child that exceeds the goal,
    random knobs step on until it does not; one that falls short of it steps back.
    """

    def __init__(
        self, counts: Sequence[int], excess: Excess, seed: int, first: Sequence[Options] = (),
        batch: int = 20, parents: float = 0.25, mutation: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__(counts, excess, seed)
        self.batch = batch
        self.parents = max(2, round(parents * batch))
        self._first = list(filter(self.fits, first))[:batch]
        self._breeding = Breeding(
            self.generator, mutation, self.drawn, self.drawn, self._allowed
        )  # fmt: skip

    def ask(self) -> tuple[Choices, ...]:
        """The next generation; nothing where chance finds no more."""
        if not self._seen:
            given = dict.fromkeys(self._first)
            others = self.fresh(self.batch - len(given)) if len(given) < self.batch else []
            return tuple(map(Choices, dict.fromkeys([*given, *others])))
        ranked = sorted(self._seen, key=lambda options: (self._seen[options], options))
        if len(ranked) < 2:
            return tuple(map(Choices, self.fresh(self.batch)))
        best = torch.tensor(ranked[: self.parents])
        return tuple(map(Choices, self._breeding.children(best, self.batch)))

    def _allowed(self, options: Options) -> Options | None:
        mended = self.mended(options)
        return None if mended in self._seen else mended
