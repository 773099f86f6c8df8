"""Networks drawn at random so that they meet a budget."""

from typing import Any

import torch
from torch import Tensor

from search.choices import Choices
from search.prices import Prices

TRIES = 20_000


class BudgetedSampling:
    """Draws networks whose cost lies in `band`, each as likely as any other of the same cost.

    Draws come from the distribution of the most entropy whose mean is the middle of the band
    (`Prices.tilted`), until one lies in it. Without a band every network is as likely. Weights are
    trained on paths of all costs, drawn uniformly. Base of strategies without gradients.
    """

    def __init__(self, prices: Prices, band: tuple[float, float] | None, seed: int) -> None:
        self.prices = prices
        self.band = band
        self.seed = seed
        self.generator = torch.Generator().manual_seed(seed)
        self._uniform = prices.alive / prices.alive.sum(dim=1, keepdim=True)
        self._tilted = None if band is None else prices.tilted(sum(band) / 2)

    def probabilities(self) -> Tensor:
        """[knobs, widest]: what weights are trained on."""
        return self._uniform

    def sample(self) -> Choices:
        """One path per knob, uniformly."""
        drawn = torch.multinomial(self._uniform, 1, generator=self.generator)
        return Choices(tuple(drawn[:, 0].tolist()))

    def likely(self) -> Choices:
        """A random network of about the band's cost, or of any where there is no band."""
        if self._tilted is None:
            return self.sample()
        return Choices(self._tilted.draw(self.generator))

    def fits(self, choices: Choices) -> bool:
        """Whether its cost lies in the band."""
        if self.band is None:
            return True
        return self.band[0] <= self.prices.of(choices.options) <= self.band[1]

    def fitting(self) -> Choices:
        """A random network in the band; LookupError when none is found in many tries."""
        for _ in range(TRIES):
            choices = self.likely()
            if self.fits(choices):
                return choices
        assert self.band is not None
        low, high = self.band
        raise LookupError(
            f"none of {TRIES:,} random networks costs {low:.4g} to {high:.4g} {self.prices.unit}: "
            "allow more with --tolerance"
        )

    def state(self) -> dict[str, Any]:
        """Where the generator stands."""
        return {"generator": self.generator.get_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self.generator.set_state(state["generator"])
