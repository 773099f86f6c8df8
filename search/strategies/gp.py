"""A Gaussian process of the loss, and the network of most expected improvement."""

from typing import TYPE_CHECKING, Any

from search.strategies.by_optuna import ByOptuna

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class GP(ByOptuna):
    """Asks for what is expected to improve most on the best (Jones et al. 1998; Matern kernel).

    To propose one takes about as long as to judge a small network: all that is known is fitted
    anew.
    """

    def sampler(self, samplers: Any, seed: int) -> "BaseSampler":
        """Of one lengthscale per knob."""
        return samplers.GPSampler(seed=seed, n_startup_trials=self.startup)
