"""What strategies are answered: networks judged by all images, by a few, or by those of a step."""

from collections.abc import Sequence

import torch

from search.choices import Choices, Evidence
from search.evaluators.rounded import Answered, RoundedNetwork
from training.datasets import Batch


class Judges:
    """The images of a search; with all of them nothing is judged twice in one process."""

    def __init__(
        self, rounded: RoundedNetwork, batches: Sequence[Batch], few: int, step: int
    ) -> None:
        self._rounded = rounded
        self._all = rounded.answered(batches)
        x, y, expected = (torch.cat(parts) for parts in zip(*self._all, strict=True))
        self.few = Answered(x[:few], y[:few], expected[:few])
        steps = zip(x.split(step), y.split(step), expected.split(step), strict=True)
        self._steps = [Answered(*one) for one in steps]
        self._known: dict[tuple[int, ...], Evidence] = {}

    def whole(self, choices: Choices) -> Evidence:
        """By all images."""
        if choices.options not in self._known:
            seen = self._rounded.evaluate(Choices(choices.options), self._all)
            self._known[choices.options] = seen
        return self._known[choices.options]

    def by_few(self, number: int, choices: Choices) -> Evidence:
        """By the first images."""
        return self._rounded.evaluate(choices, [self.few])

    def __call__(self, number: int, choices: Choices) -> Evidence:
        """By all images, or where slopes are asked for by those of one step."""
        if choices.closed is None:
            return self.whole(choices)
        return self._rounded.evaluate(choices, [self._steps[number % len(self._steps)]])
