"""What strategies share that judge each network once and go by its loss."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from search.choices import Choices, Evidence
from search.strategies.distribution import certain

Options = tuple[int, ...]


class Remembering(ABC):
    """Remembers `Evidence.loss` of all that was judged; samples nothing but its answer."""

    def __init__(self, counts: Sequence[int]) -> None:
        self.counts = tuple(counts)
        self._seen: dict[Options, float] = {}

    @abstractmethod
    def best(self) -> Choices:
        """The answer, as far as it is known."""

    def sample(self) -> Choices:
        """What is best so far."""
        return self.best()

    def probabilities(self) -> Tensor:
        """1 for what is best so far."""
        return certain(self.best(), self.counts)

    def tell(self, asked: Sequence[Choices], evidence: Sequence[Evidence]) -> None:
        """Remember losses."""
        for choices, seen in zip(asked, evidence, strict=True):
            self._seen[choices.options] = float(seen.loss)

    def told(self) -> dict[str, float]:
        """How many networks were judged."""
        return {"judged": float(len(self._seen))}

    def state(self) -> dict[str, Any]:
        """What was judged."""
        return {"seen": [(list(options), loss) for options, loss in self._seen.items()]}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self._seen = {tuple(options): loss for options, loss in state["seen"]}
