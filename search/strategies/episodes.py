"""What strategies share whose networks are walks of an agent that learns: DDPG."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from search.choices import Choices, Evidence
from search.ddpg import Agent, ExcessWalk, Settings, Walk
from search.strategies.distribution import certain


class Episodes(ABC):
    """One episode is one network: the agent sees `seen` numbers in each step of a `walk`.

    The reward of an episode is that of each of its steps. The first episodes are chance; behind
    them the actor's actions are blurred less and less, and every step that is told is followed by
    an update. The answer is the network of most reward. All chance comes from one seeded generator.
    """

    def __init__(
        self, walk: Walk | ExcessWalk, seen: int, counts: Sequence[int], seed: int,
        settings: Settings,
    ) -> None:  # fmt: skip
        self.walk, self.counts, self.settings = walk, tuple(counts), settings
        self.generator = torch.Generator().manual_seed(seed)
        self.agent = Agent(settings, walk.steps, seen, self.generator)
        self.episode = 0
        self._best: tuple[tuple[int, ...], float] | None = None
        self._loss: float | None = None

    @abstractmethod
    def reward(self, evidence: Evidence) -> float:
        """R of one network."""

    def sample(self) -> Choices:
        """What is best so far."""
        return self.best()

    def probabilities(self) -> Tensor:
        """1 for what is best so far."""
        return certain(self.best(), self.counts)

    def ask(self) -> tuple[Choices, ...]:
        """The next episode."""
        return (Choices(self.walk.forward(self.act).options),)

    def tell(self, asked: Sequence[Choices], evidence: Sequence[Evidence]) -> None:
        """Remember each episode and learn from what is remembered."""
        for choices, told in zip(asked, evidence, strict=True):
            self.remember(choices.options, self.reward(told))

    def remember(self, options: Sequence[int], reward: float) -> None:
        """One episode."""
        trace = self.walk.retrace(options)
        self.agent.memory.keep(
            torch.from_numpy(trace.seen).float(), torch.from_numpy(trace.done).float(), reward
        )
        if self._best is None or reward > self._best[1]:
            self._best = tuple(options), reward
        if self.episode >= self.settings.warmup:
            losses = [self.agent.learn() for _ in range(self.settings.updates * len(trace.done))]
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

    def act(self, seen: np.ndarray) -> float:
        """What is done at what is seen, now."""
        if self.episode < self.settings.warmup:
            return self.agent.chance()
        return self.agent.explore(seen, self.settings.sigma(self.episode))
