"""Independent path probabilities that learn: one softmax of logits per knob."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, optim

from search.choices import Choices
from search.derive import best_network
from search.objective import Objective
from search.prices import Prices


class PathDistribution:
    """p = softmax(a) per knob, Adam on the logits a, and one generator for every draw.

    Adam has beta1 = 0, as in the paper's code: a logit whose gradient is zero does not move.
    `objective` holds the budget, if there is one. The first logits are 0, or `start` [knobs,
    widest]. Base of the strategies that differ in how they find the gradient.
    """

    def __init__(
        self,
        prices: Prices,
        objective: Objective | None,
        lr: float,
        seed: int,
        start: Tensor | None = None,
    ) -> None:
        self.prices = prices
        self.objective = objective
        first = torch.zeros(prices.alive.shape) if start is None else start
        self.logits = torch.where(prices.alive, first.double(), -torch.inf)
        self.optimizer = optim.Adam([self.logits], lr=lr, betas=(0.0, 0.999))
        self.generator = torch.Generator().manual_seed(seed)

    def probabilities(self) -> Tensor:
        """p [knobs, widest]; 0 where a knob has fewer options."""
        return torch.softmax(self.logits, dim=1)

    def expected_cost(self) -> float:
        """E[cost] over p, in the prices' unit."""
        return self.prices.expected(self.probabilities())

    def sample(self) -> Choices:
        """One path per knob, drawn from p: what a weight step trains."""
        drawn = torch.multinomial(self.probabilities(), 1, generator=self.generator)
        return Choices(tuple(drawn[:, 0].tolist()))

    def best(self) -> Choices:
        """The most probable network; under a budget that must be met, the most probable that
        meets it from below, as near as may be."""
        if self.objective is None or not self.objective.must_meet:
            return Choices(tuple(self.logits.argmax(dim=1).tolist()))
        log_p = torch.log_softmax(self.logits, dim=1)
        return Choices(best_network(log_p, self.prices, *self.objective.band()))

    def told(self) -> dict[str, float]:
        """The weight of the cost."""
        return {} if self.objective is None else {"cost_weight": self.objective.weight}

    def step(self, gradient: Tensor) -> None:
        """One update of the logits."""
        self.logits.grad = gradient
        self.optimizer.step()

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        state: dict[str, Any] = {
            "logits": self.logits.clone(),
            "adam": copy.deepcopy(self.optimizer.state_dict()),
            "generator": self.generator.get_state(),
        }
        return state if self.objective is None else state | {"objective": self.objective.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self.logits.copy_(state["logits"])
        self.optimizer.load_state_dict(state["adam"])
        self.generator.set_state(state["generator"])
        if self.objective is not None:
            self.objective.restore(state["objective"])


def entropy(p: Tensor) -> float:
    """Mean entropy of a knob, in nats."""
    return float(-torch.xlogy(p, p).sum(dim=1).mean())


def certain(choices: Choices, counts: Sequence[int]) -> Tensor:
    """[knobs, widest]: 1 for what is chosen, 0 for all else."""
    options = torch.tensor(choices.options)[:, None]
    return torch.zeros(len(counts), max(counts), dtype=torch.float64).scatter_(1, options, 1.0)
