"""Deep deterministic policy gradient (Lillicrap et al. 2016), as HAQ has it."""

from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from search.ddpg.memory import Memory
from search.ddpg.networks import Perceptron
from search.ddpg.settings import Settings

SURELY = 1e-12  # a chance that is taken for none


class Agent:
    """Acts on `seen` numbers, remembers episodes of `steps` steps, learns from them.

        actor   mu(s) = sigmoid(three linear layers of s)
        critic  Q(s, a) = three linear layers of s and a
        target  y = R - B + discount Q'(s', mu'(s')), in the last step R - B
        critic  minimises the mean of (Q(s, a) - y)^2, then the actor maximises that of Q(s, mu(s))

    R is the reward of the episode at every step; B, the baseline, goes to the mean reward of every
    batch by `baseline_rate`. All of its chance comes from `generator`.
    """

    def __init__(self, settings: Settings, steps: int, seen: int, generator: Generator) -> None:
        self.settings, self.generator = settings, generator
        hidden, tau = settings.hidden, settings.tau
        self._actor = Perceptron((seen, *hidden, 1), settings.actor_lr, tau, generator)
        self._critic = Perceptron((seen + 1, *hidden, 1), settings.critic_lr, tau, generator)
        self.memory = Memory(settings.memory, steps, seen)
        self.baseline: float | None = None
        self.updates = 0

    def act(self, seen: np.ndarray) -> float:
        """mu(s)."""
        return float(self._actor.forward(torch.from_numpy(seen).float()[None])[-1].sigmoid())

    def explore(self, seen: np.ndarray, sigma: float) -> float:
        """An action from the normal distribution around mu(s), cut to [0, 1]."""
        around = NormalDist(self.act(seen), sigma)
        low, high = around.cdf(0.0), around.cdf(1.0)
        chance = low + (high - low) * self.chance()
        return min(max(around.inv_cdf(min(max(chance, SURELY), 1 - SURELY)), 0.0), 1.0)

    def chance(self) -> float:
        """Uniform in [0, 1)."""
        return float(torch.rand((), generator=self.generator))

    @torch.inference_mode()
    def learn(self) -> float:
        """One update of critic, actor and their targets; the critic's loss."""
        settings = self.settings
        batch = self.memory.draw(settings.batch_size, self.generator)
        mean = float(batch.reward.mean())
        past = mean if self.baseline is None else self.baseline
        self.baseline = past + settings.baseline_rate * (mean - past)
        later = self._critic.target(_both(batch.then, self._actor.target(batch.then).sigmoid()))
        wanted = batch.reward - self.baseline + settings.discount * batch.goes_on * later

        passed = self._critic.forward(batch.seen_and_done)
        wrong = passed[-1] - wanted
        self._critic.learn(passed, wrong * (2 / len(wrong)))

        acted = self._actor.forward(batch.seen)
        action = acted[-1].sigmoid()
        passed = self._critic.forward(_both(batch.seen, action))
        slopes = torch.full_like(action, -1 / len(action))
        slopes = self._critic.slopes_at_input(passed, slopes)[:, -1:]
        self._actor.learn(acted, slopes * action * (1 - action))
        self.updates += 1
        return float(wrong.square().mean())

    def state(self) -> dict[str, Any]:
        """All but the generator."""
        return {
            "actor": self._actor.state(),
            "critic": self._critic.state(),
            "memory": self.memory.state(),
            "baseline": self.baseline,
            "updates": self.updates,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self._actor.restore(state["actor"])
        self._critic.restore(state["critic"])
        self.memory.restore(state["memory"])
        self.baseline, self.updates = state["baseline"], state["updates"]


def _both(seen: Tensor, done: Tensor) -> Tensor:
    return torch.cat([seen, done], dim=1)
