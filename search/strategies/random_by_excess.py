"""Random networks that meet a goal, and the best of them: one step, no learning."""

from collections.abc import Sequence

from search.choices import Choices
from search.strategies.fitting import Drawing, Excess


class RandomByExcess(Drawing):
    """Judges `batch` networks at a time, none twice (EagleEye, Li et al. 2020, as Vitis draws).

    The shares of options that knobs have are normally distributed, with a random deviation around
    the mean at which the goal is just met.
    """

    def __init__(
        self, counts: Sequence[int], excess: Excess, seed: int, batch: int = 10
    ) -> None:  # fmt: skip
        super().__init__(counts, excess, seed)
        self.batch = batch

    def ask(self) -> tuple[Choices, ...]:
        """New networks; fewer, or none, where chance finds no more."""
        return tuple(map(Choices, self.fresh(self.batch)))
