"""What the search minimises: task loss and cost, joined in the paper's ways, with a budget."""

import math
from typing import Any, Literal

CostLoss = Literal["mul-log", "add"]
RATE = 0.05
GAIN = 5.0


class Objective:
    """Loss of (cross-entropy CE, expected cost E) for a budget T.

    `add`:      L = CE + w (E - T) / T
    `mul-log`:  L = CE (ln E / ln T)^w
    `reward`:   R = accuracy (T / cost)^w, for one network and its own cost
    (Cai et al. 2019, section 3.3, its released code, and Tan et al. 2019). The logarithms need E
    and T above 1 in the unit of the cost.

    A budget that `must_meet` is a constraint: the weight is steered as a controller would. With
    e = (E - T) / T, a base is multiplied by exp(0.05 e) after every step, and w = base * exp(5 e).
    It grows while the expected cost is above the budget and shrinks below it, which holds E at T
    whatever w started from. Otherwise w stays what it is, as in the paper, and T is a reference.
    """

    def __init__(
        self,
        target: float,
        tolerance: float,
        loss: CostLoss,
        weight: float,
        must_meet: bool = True,
    ) -> None:
        if loss == "mul-log" and target <= 1:
            raise ValueError(
                f"--cost-loss mul-log takes logarithms: it needs a budget above 1, not {target:g}; "
                "use --cost-loss add"
            )
        self.target = target
        self.tolerance = tolerance
        self.loss: CostLoss = loss
        self.weight = weight
        self.must_meet = must_meet
        self._base = weight

    def value(self, task: float, expected: float) -> float:
        """L itself."""
        if self.loss == "add":
            return task + self.weight * (expected - self.target) / self.target
        return task * (math.log(expected) / math.log(self.target)) ** self.weight

    def factors(self, task: float, expected: float) -> tuple[float, float]:
        """(dL/dCE, dL/dE)."""
        if self.loss == "add":
            return 1.0, self.weight / self.target
        ratio = math.log(expected) / math.log(self.target)
        pull = task * self.weight * ratio ** (self.weight - 1)
        return ratio**self.weight, pull / (expected * math.log(self.target))

    def reward(self, accuracy: float, cost: float) -> float:
        """R of one network."""
        return accuracy * (self.target / cost) ** self.weight

    def adapt(self, expected: float) -> None:
        """Turn the weight towards the budget, if it must be met."""
        if not self.must_meet:
            return
        error = max(-1.0, min(1.0, (expected - self.target) / self.target))
        self._base *= math.exp(RATE * error)
        self.weight = self._base * math.exp(GAIN * error)

    def band(self) -> tuple[float, float]:
        """The costs that count as meeting the budget, as predicted: just below it."""
        return self.target * (1.0 - self.tolerance), self.target

    def state(self) -> dict[str, Any]:
        """What `restore` needs."""
        return {"weight": self.weight, "base": self._base}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self.weight, self._base = state["weight"], state["base"]
