"""Uniform random choices, without repetition: the baseline that every search must beat."""

from collections.abc import Callable, Sequence

import numpy as np

from search.choices import Choices, Evidence

TRIES = 100_000


class RandomChoices:
    """Draws each knob uniformly and keeps what `accept` accepts; remembers the best it was told."""

    def __init__(
        self,
        counts: Sequence[int],
        seed: int,
        accept: Callable[[tuple[int, ...]], bool] = lambda options: True,
    ) -> None:
        self.counts = tuple(counts)
        self.generator = np.random.default_rng(seed)
        self.accept = accept
        self._seen: set[tuple[int, ...]] = set()
        self._best: tuple[float, tuple[int, ...]] | None = None

    def ask(self) -> Choices:
        """A new point; LookupError when none is found in many tries."""
        for _ in range(TRIES):
            options = tuple(int(self.generator.integers(count)) for count in self.counts)
            if options not in self._seen and self.accept(options):
                self._seen.add(options)
                return Choices(options)
        raise LookupError(f"no acceptable new network in {TRIES:,} random ones: widen the budget")

    def tell(self, choices: Choices, evidence: Evidence) -> None:
        """Remember the choices with the lowest loss."""
        loss = float(evidence.loss)
        if self._best is None or loss < self._best[0]:
            self._best = (loss, choices.options)

    def best(self) -> Choices:
        """The choices with the lowest loss so far."""
        if self._best is None:
            raise LookupError("nothing was evaluated yet")
        return Choices(self._best[1])
