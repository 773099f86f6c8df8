"""How much a step adds to the loss, at every step of a training."""

from bisect import bisect_right

from compression.schedule import AnyCurve, values_of
from compression.steps.base import Step
from training.plan import Plan


class Strength:
    """A number that changes at some times, and is 0 before the first and from the end on."""

    def __init__(self, times: list[int], values: list[float]) -> None:
        self._times, self._values = times, values
        self.now = 0.0

    @staticmethod
    def of(step: Step, curve: AnyCurve | float, plan: Plan) -> "Strength":
        """A number or a curve along the times of a step of a recipe."""
        times = step.times(plan)
        values = values_of(curve, len(times))
        if min(values) < 0:
            raise ValueError(f"a strength of {min(values):g} is below 0")
        return Strength([*times, step.end(plan)], [*values, 0.0])

    def before(self, step: int) -> None:
        """Let `now` be what counts at a step of the training."""
        passed = bisect_right(self._times, step)
        self.now = self._values[passed - 1] if passed else 0.0
