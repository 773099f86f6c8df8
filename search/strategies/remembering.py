"""What strategies share that judge each network once and go by its loss."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterable, Sequence
from itertools import islice
from typing import Any

from torch import Tensor

from search.choices import Choices, Evidence
from search.strategies.distribution import certain

Options = tuple[int, ...]


def probes_then_tries(
    seen: Container[Options], probes: Sequence[Options], proposals: Callable[[], Iterable[Options]],
    batch: int, tries: int,
) -> tuple[Choices, ...]:  # fmt: skip
    """At most `batch` networks to judge, of those that were not `seen`: probes that are missing,
    then proposals, so many as there are `tries` left."""
    missing = [one for one in probes if one not in seen]
    wanted: Iterable[Options] = missing or proposals()
    count = batch if missing else min(batch, tries)
    fresh = (Choices(one) for one in wanted if one not in seen)
    return tuple(islice(fresh, max(0, count)))


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
