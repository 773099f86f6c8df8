"""Tree-structured Parzen estimators: densities of what was good and of what was not."""

from typing import TYPE_CHECKING, Any

from search.strategies.by_optuna import ByOptuna

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class TPE(ByOptuna):
    """Asks for what is likely among the good and unlikely among the rest (Bergstra et al. 2011)."""

    def sampler(self, samplers: Any, seed: int) -> "BaseSampler":
        """Densities of all knobs together."""
        return samplers.TPESampler(seed=seed, n_startup_trials=self.startup, multivariate=True)
