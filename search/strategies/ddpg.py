"""HAQ's search (Wang et al. 2019): an agent walks through the layers and sets their bits."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from search.choices import Choices, Evidence
from search.ddpg import SEEN, Agent, BitLayer, Settings, Walk
from search.prices import Prices
from search.strategies.distribution import certain

DEFAULT = Settings()


class DDPG:
    """One episode is one network: two decisions per layer, weights, then activations.

    Its reward, that of each of its steps, is `reward_scale` times (accuracy - `original`), both
    fractions of 1. The first episodes are chance; behind them the actor's actions are blurred less
    and less, and every step that is told is followed by an update. No network costs more than the
    budget, as `prices.of` counts it: see `Walk`. The answer is the network of most reward.

    Other than in HAQ's released code, every observation says rightly what is due and what was done
    before, what is remembered is what was done, levels have equal shares of the actions, and all
    chance comes from one seeded generator.
    """

    def __init__(
        self,
        layers: Sequence[BitLayer],
        prices: Prices,
        budget: float,
        seed: int,
        original: float = 0.0,
        settings: Settings = DEFAULT,
    ) -> None:
        self.prices, self.budget, self.original, self.settings = prices, budget, original, settings
        self.walk = Walk(layers, prices, budget)
        self.generator = torch.Generator().manual_seed(seed)
        self.agent = Agent(settings, self.walk.steps, SEEN, self.generator)
        self.episode = 0
        self._best: tuple[tuple[int, ...], float] | None = None
        self._loss: float | None = None

    def sample(self) -> Choices:
        """What is best so far."""
        return self.best()

    def probabilities(self) -> Tensor:
        """1 for what is best so far."""
        return certain(self.best(), self.prices.counts)

    def ask(self) -> tuple[Choices]:
        """The next episode."""
        return (Choices(self.walk.forward(self._act).options),)

    def reward(self, evidence: Evidence) -> float:
        """R of one network."""
        return self.settings.reward_scale * (float(evidence.accuracy) - self.original)

    def tell(self, asked: Sequence[Choices], evidence: Sequence[Evidence]) -> None:
        """Remember each episode and learn from what is remembered."""
        for choices, told in zip(asked, evidence, strict=True):
            reward = self.reward(told)
            trace = self.walk.retrace(choices.options)
            self.agent.memory.keep(
                torch.from_numpy(trace.seen).float(), torch.from_numpy(trace.done).float(), reward
            )
            if self._best is None or reward > self._best[1]:
                self._best = choices.options, reward
            if self.episode >= self.settings.warmup:
                losses = [
                    self.agent.learn() for _ in range(self.settings.updates * len(trace.done))
                ]
                self._loss = sum(losses) / len(losses)
            self.episode += 1

    def best(self) -> Choices:
        """The most rewarded; before there is one, what the actor would do."""
        if self._best is None:
            return Choices(self.walk.forward(self.agent.act).options)
        return Choices(self._best[0])

    def told(self) -> dict[str, float]:
        """The most reward, the noise, the critic's loss and the baseline."""
        known = {
            "best_reward": None if self._best is None else self._best[1],
            "critic_loss": self._loss,
            "baseline": self.agent.baseline,
        }
        return {name: value for name, value in known.items() if value is not None}

    def state(self) -> dict[str, Any]:
        """Everything that the next episode depends on."""
        return {
            "generator": self.generator.get_state(),
            "agent": self.agent.state(),
            "episode": self.episode,
            "best": None if self._best is None else [list(self._best[0]), self._best[1]],
            "loss": self._loss,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self.generator.set_state(state["generator"])
        self.agent.restore(state["agent"])
        self.episode, self._loss = state["episode"], state["loss"]
        best = state["best"]
        self._best = None if best is None else (tuple(best[0]), best[1])

    def _act(self, seen: np.ndarray) -> float:
        if self.episode < self.settings.warmup:
            return self.agent.chance()
        return self.agent.explore(seen, self.settings.sigma(self.episode))
