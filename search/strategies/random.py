"""Random networks that meet the budget: the baseline that every search must beat."""

from collections.abc import Sequence
from typing import Any

from search.choices import Choices, Evidence
from search.prices import Prices
from search.strategies.sampling import BudgetedSampling


class RandomChoices(BudgetedSampling):
    """Judges `batch` networks at a time, none of them twice, and remembers the most accurate."""

    def __init__(
        self, prices: Prices, band: tuple[float, float] | None, seed: int, batch: int = 10
    ) -> None:
        super().__init__(prices, band, seed)
        self.batch = batch
        self._seen: dict[tuple[int, ...], float] = {}

    def ask(self) -> tuple[Choices, ...]:
        """New networks; fewer where the band holds no more that chance finds."""
        found: dict[tuple[int, ...], Choices] = {}
        for _ in range(100 * self.batch):
            choices = self.fitting()
            if choices.options not in self._seen:
                found[choices.options] = choices
            if len(found) == self.batch:
                break
        return tuple(found.values())

    def tell(self, asked: Sequence[Choices], evidence: Sequence[Evidence]) -> None:
        """Remember accuracies."""
        for choices, seen in zip(asked, evidence, strict=True):
            self._seen[choices.options] = float(seen.accuracy)

    def best(self) -> Choices:
        """The most accurate so far; before any was judged, one that meets the budget."""
        if not self._seen:
            return _first_drawn(self)
        return Choices(max(self._seen, key=self._seen.__getitem__))

    def told(self) -> dict[str, float]:
        return {"best_accuracy": max(self._seen.values())} if self._seen else {}

    def state(self) -> dict[str, Any]:
        seen = [(list(options), accuracy) for options, accuracy in self._seen.items()]
        return super().state() | {"seen": seen}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._seen = {tuple(options): accuracy for options, accuracy in state["seen"]}


def _first_drawn(sampling: BudgetedSampling) -> Choices:
    """The network in the band that its seed draws first, whatever was drawn since."""
    state = sampling.generator.get_state()
    sampling.generator.manual_seed(sampling.seed)
    try:
        return sampling.fitting()
    finally:
        sampling.generator.set_state(state)
