"""ProxylessNAS-R: learn path probabilities from the rewards of sampled networks."""

from collections.abc import Sequence
from typing import Any

import torch

from search.choices import Choices, Evidence
from search.objective import Objective
from search.prices import Prices
from search.strategies.distribution import PathDistribution


class Reinforce(PathDistribution):
    """REINFORCE with a moving baseline (Cai et al. 2019, section 3.3 and appendix; Williams 1992).

        R(N) = accuracy(N) * (T / cost(N))^w
        dJ/da = E[(R - b) d ln p(N) / da],    d ln p / da_i = 1{i chosen} - p_i
    over `batch` networks per step. b is the mean of past rewards, `decay` of it kept per step; it
    is what was known before these networks, so it does not bias their gradient. Without a budget
    R is the accuracy.
    """

    def __init__(
        self,
        prices: Prices,
        objective: Objective | None,
        lr: float,
        seed: int,
        batch: int = 10,
        decay: float = 0.9,
    ) -> None:
        super().__init__(prices, objective, lr, seed)
        self.batch = batch
        self.decay = decay
        self.baseline: float | None = None

    def ask(self) -> tuple[Choices, ...]:
        """Networks drawn from p."""
        return tuple(self.sample() for _ in range(self.batch))

    def reward(self, choices: Choices, evidence: Evidence) -> float:
        """R of one network."""
        accuracy = float(evidence.accuracy)
        if self.objective is None:
            return accuracy
        return self.objective.reward(accuracy, self.prices.of(choices.options))

    def tell(self, asked: Sequence[Choices], evidence: Sequence[Evidence]) -> None:
        """Step along the mean of (R - b) d ln p, then move the baseline."""
        rewards = [self.reward(*pair) for pair in zip(asked, evidence, strict=True)]
        mean = sum(rewards) / len(rewards)
        baseline = mean if self.baseline is None else self.baseline
        p = self.probabilities()
        gradient = torch.zeros_like(self.logits)
        for choices, reward in zip(asked, rewards, strict=True):
            chosen = torch.zeros_like(p).scatter_(1, torch.tensor(choices.options)[:, None], 1.0)
            gradient += (reward - baseline) * (p - chosen) / len(asked)
        expected = self.expected_cost()
        self.step(gradient)
        self.baseline = self.decay * baseline + (1 - self.decay) * mean
        if self.objective is not None:
            self.objective.adapt(expected)

    def told(self) -> dict[str, float]:
        known = {} if self.baseline is None else {"baseline": self.baseline}
        return super().told() | known

    def state(self) -> dict[str, Any]:
        return super().state() | {"baseline": self.baseline}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.baseline = state["baseline"]
