"""Step by step towards less, back where accuracy falls too far, and on in smaller steps."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from torch import Tensor

from search.choices import Choices, Evidence
from search.strategies.distribution import certain
from search.strategies.remembering import Options

Order = Literal["cost", "all"]


class BackTracking:
    """Mayo's greedy search (Zhao et al. 2018), over options of which 0 leaves a knob as it is.

    With the `order` `cost` the knob whose next step saves most moves alone, with `all` every knob
    moves at once. A step of so many options that leaves `Evidence.accuracy` at least at the floor
    is kept. Otherwise it is undone, and the step of these knobs is halved, rounded up; knobs that
    fail with a step of 1 are done, and so are those at their last option. The search ends when
    `cost` is at most 1, or when all are done. The floor is `drop` below the `baseline`, which is
    measured first where it is not given.
    """

    def __init__(
        self, counts: Sequence[int], cost: Callable[[Options], float], drop: float, step: int = 4,
        order: Order = "cost", baseline: float | None = None,
    ) -> None:  # fmt: skip
        if step < 1 or drop < 0:
            raise ValueError("a step is 1 or more, a drop is 0 or more")
        self.counts, self.cost, self.drop, self.order = tuple(counts), cost, drop, order
        self.baseline = baseline
        self.options: Options = (0,) * len(counts)
        self._steps = [min(step, max(1, count - 1)) for count in counts]
        self._done = [count < 2 for count in counts]
        self.judged = 0

    def sample(self) -> Choices:
        """What is kept so far."""
        return self.best()

    def probabilities(self) -> Tensor:
        """1 for what is kept so far."""
        return certain(self.best(), self.counts)

    def ask(self) -> tuple[Choices, ...]:
        """The whole network where no baseline is known, then a step further; at the end nothing."""
        if self.baseline is None:
            return (Choices(self.options),)
        moving = self._moving()
        return (Choices(self._moved(moving)),) if moving else ()

    def tell(self, asked: Sequence[Choices], evidence: Sequence[Evidence]) -> None:
        """Keep the step or undo it."""
        for choices, seen in zip(asked, evidence, strict=True):
            self.judged += 1
            accuracy = float(seen.accuracy)
            if self.baseline is None:
                self.baseline = accuracy
                continue
            moving = self._moving()
            assert choices.options == self._moved(moving)
            if accuracy >= self.baseline - self.drop:
                self.options = choices.options
                for knob in moving:
                    self._done[knob] = self.options[knob] == self.counts[knob] - 1
                continue
            for knob in moving:
                self._done[knob] = self._steps[knob] == 1
                self._steps[knob] = -(-self._steps[knob] // 2)

    def best(self) -> Choices:
        """What is kept so far."""
        return Choices(self.options)

    def told(self) -> dict[str, float]:
        """How far it has come."""
        return {"judged": float(self.judged), "cost": self.cost(self.options)}

    def state(self) -> dict[str, Any]:
        """Where it stands."""
        return {
            "options": list(self.options), "steps": list(self._steps), "done": list(self._done),
            "baseline": self.baseline, "judged": self.judged,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self.options = tuple(state["options"])
        self._steps, self._done = list(state["steps"]), list(state["done"])
        self.baseline, self.judged = state["baseline"], state["judged"]

    def _moving(self) -> list[int]:
        """The knobs that move next; none at the end."""
        open_ = [knob for knob, done in enumerate(self._done) if not done]
        if not open_ or self.cost(self.options) <= 1:
            return []
        if self.order == "all":
            return open_
        now = self.cost(self.options)
        return [max(open_, key=lambda knob: (now - self.cost(self._moved([knob])), -knob))]

    def _moved(self, knobs: Sequence[int]) -> Options:
        moved = list(self.options)
        for knob in knobs:
            moved[knob] = min(moved[knob] + self._steps[knob], self.counts[knob] - 1)
        return tuple(moved)
