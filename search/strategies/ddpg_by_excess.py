"""An agent walks from knob to knob to a network that meets a goal, as in AMC and PocketFlow."""

from collections.abc import Sequence
from typing import Any

from search.choices import Choices, Evidence
from search.ddpg import SEEN_OF_KNOBS, ExcessWalk, Settings
from search.strategies.episodes import Episodes
from search.strategies.fitting import PATIENCE, Excess
from search.strategies.remembering import Options

DEFAULT = Settings(reward_scale=1.0)


class DDPGByExcess(Episodes):
    """One episode is one network that meets the goal, one decision per knob: see `ExcessWalk`.

    Its reward, that of each of its steps, is -`reward_scale` times `Evidence.loss`. The agent is
    HAQ's, of which PocketFlow's is a sibling (He et al. 2018, AMC). An episode that leads to a
    network that is known is remembered, learned from, and followed by another one.
    """

    def __init__(
        self, counts: Sequence[int], kinds: Sequence[str], excess: Excess, seed: int,
        settings: Settings = DEFAULT,
    ) -> None:  # fmt: skip
        walk = ExcessWalk(counts, kinds, excess)
        super().__init__(walk, SEEN_OF_KNOBS, counts, seed, settings)
        self._rewards: dict[Options, float] = {}

    def ask(self) -> tuple[Choices, ...]:
        """The next episode that leads to something new; nothing where none of many does."""
        for _ in range(PATIENCE):
            options = self.walk.forward(self.act).options
            if options not in self._rewards:
                return (Choices(options),)
            self.remember(options, self._rewards[options])
        return ()

    def tell(self, asked: Sequence[Choices], evidence: Sequence[Evidence]) -> None:
        """Remember rewards too."""
        super().tell(asked, evidence)
        for choices, told in zip(asked, evidence, strict=True):
            self._rewards[choices.options] = self.reward(told)

    def reward(self, evidence: Evidence) -> float:
        """R of one network."""
        return -self.settings.reward_scale * float(evidence.loss)

    def state(self) -> dict[str, Any]:
        """With all rewards."""
        rewards = [(list(options), reward) for options, reward in self._rewards.items()]
        return super().state() | {"rewards": rewards}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        super().restore(state)
        self._rewards = {tuple(options): reward for options, reward in state["rewards"]}
