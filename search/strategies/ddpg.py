"""HAQ's search (Wang et al. 2019): an agent walks through the layers and sets their bits."""

from collections.abc import Sequence

from search.choices import Evidence
from search.ddpg import SEEN, BitLayer, Settings, Walk
from search.prices import Prices
from search.strategies.episodes import Episodes

DEFAULT = Settings()


class DDPG(Episodes):
    """One episode is one network: two decisions per layer, weights, then activations.

    Its reward, that of each of its steps, is `reward_scale` times (accuracy - `original`), both
    fractions of 1. No network costs more than the budget, as `prices.of` counts it: see `Walk`.

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
        super().__init__(Walk(layers, prices, budget), SEEN, prices.counts, seed, settings)
        self.prices, self.budget, self.original = prices, budget, original

    def reward(self, evidence: Evidence) -> float:
        """R of one network."""
        return self.settings.reward_scale * (float(evidence.accuracy) - self.original)
