"""ProxylessNAS-R: learn path probabilities from the rewards of sampled networks."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from search.choices import Choices, Evidence
from search.objective import Objective
from search.prices import Prices
from search.strategies.distribution import PathDistribution


class Reinforce(PathDistribution):
    """REINFORCE with a baseline (Cai et al. 2019, section 3.3 and appendix; Williams 1992).

        R(N) = accuracy(N) * (T / cost(N))^w
        dJ/da = E[(R - b) d ln p(N) / da],    d ln p / da_i = 1{i chosen} - p_i
    over `batch` networks per step, all judged on the same images. b is the mean reward of the
    other networks of the step (Kool et al. 2019): it knows how hard these images are, and says
    nothing of the network itself, so it does not bias its gradient. Where a step has one network,
    b is the moving mean of past rewards, `decay` of it kept per step. Without a budget R is the
    accuracy.
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
        """Step along the mean of (R - b) d ln p, then move the mean of past rewards."""
        rewards = [self.reward(*pair) for pair in zip(asked, evidence, strict=True)]
        mean = sum(rewards) / len(rewards)
        past = mean if self.baseline is None else self.baseline
        expected = self.expected_cost()
        self.step(self.gradient(asked, rewards, baselines_of(rewards, past)))
        self.baseline = self.decay * past + (1 - self.decay) * mean
        if self.objective is not None:
            self.objective.adapt(expected)

    def gradient(
        self, asked: Sequence[Choices], rewards: Sequence[float], baselines: Sequence[float]
    ) -> Tensor:
        """-dJ/da [knobs, widest], as these networks estimate it."""
        p = self.probabilities()
        gradient = torch.zeros_like(self.logits)
        for choices, reward, baseline in zip(asked, rewards, baselines, strict=True):
            chosen = torch.zeros_like(p).scatter_(1, torch.tensor(choices.options)[:, None], 1.0)
            gradient += (reward - baseline) * (p - chosen) / len(asked)
        return gradient

    def told(self) -> dict[str, float]:
        known = {} if self.baseline is None else {"baseline": self.baseline}
        return super().told() | known

    def state(self) -> dict[str, Any]:
        return super().state() | {"baseline": self.baseline}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.baseline = state["baseline"]


def baselines_of(rewards: Sequence[float], past: float) -> list[float]:
    """For each network the mean reward of the others, or where there is none the `past` mean."""
    if len(rewards) == 1:
        return [past]
    return [(sum(rewards) - reward) / (len(rewards) - 1) for reward in rewards]
