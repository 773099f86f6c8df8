"""The latest episodes, and a few of their steps by chance."""

from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor


class Batch(NamedTuple):
    """Steps [batch, ...]: what was seen and done, the reward of the episode, what was seen next,
    and 1 where there was a next step, else 0."""

    seen_and_done: Tensor
    reward: Tensor
    goes_on: Tensor
    then: Tensor

    @property
    def seen(self) -> Tensor:
        return self.seen_and_done[:, :-1]


class Memory:
    """A ring of the latest `episodes` episodes, of `steps` steps with `seen` numbers each."""

    def __init__(self, episodes: int, steps: int, seen: int) -> None:
        self._widths = (seen + 1, 1, 1, seen)
        self._rows = torch.zeros(episodes, steps, sum(self._widths))
        self._told = 0

    def keep(self, seen: Tensor, done: Tensor, reward: float) -> None:
        """Remember an episode: [steps, seen], [steps], and the reward of each of its steps."""
        rows = self._rows[self._told % len(self._rows)]
        before, rewards, goes_on, then = rows.split(self._widths, dim=1)
        before.copy_(torch.cat([seen, done[:, None]], dim=1))
        rewards.fill_(reward)
        goes_on[:-1], goes_on[-1] = 1.0, 0.0
        then[:-1] = seen[1:]
        self._told += 1

    def draw(self, count: int, generator: Generator) -> Batch:
        """Different steps, each as likely; fewer where there are fewer."""
        rows = self._rows[: self._told].flatten(0, 1)
        drawn = torch.randperm(len(rows), generator=generator)[:count]
        return Batch(*rows.index_select(0, drawn).split(self._widths, dim=1))

    def state(self) -> dict[str, Any]:
        """All that is remembered."""
        return {"rows": self._rows.clone(), "told": self._told}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self._rows.copy_(state["rows"])
        self._told = state["told"]
