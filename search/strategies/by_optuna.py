"""What strategies share that ask Optuna what to try next."""

from abc import abstractmethod
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from search.choices import Choices, Evidence
from search.strategies.fitting import PATIENCE, Drawing, Excess
from search.strategies.remembering import Options

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.samplers import BaseSampler

MIDDLE = 0.5
REPEATS = 5
"""Times that all of a batch are known before chance brings a stranger."""


def opened_optuna() -> ModuleType:
    """The package, silent. ValueError where it is not installed."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ValueError(
            f"this strategy needs the package {error.name}, which is not installed: "
            "pip install '.[optuna]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


class ByOptuna(Drawing):
    """Samplers of Optuna (Akiba et al. 2019) set one number in [0, 1] per knob.

    The goal is a hard constraint by construction: the numbers say how far `apart` knobs are, and
    `Fitting.along` moves all alike until the goal is met; no sampler has to learn where that is.
    The first `startup` networks are random. One that is known is told at once instead of being
    judged again. The study is in memory, and everything in it is seeded: who is told the same asks
    the same. ValueError where Optuna is not installed.
    """

    objectives = 1
    extra: tuple[str, ...] = ()
    """Names of more such numbers."""
    batch = 1
    """Networks that are asked for at a time."""

    def __init__(
        self, counts: Sequence[int], excess: Excess, seed: int, startup: int = 10
    ) -> None:  # fmt: skip
        super().__init__(counts, excess, seed)
        self.startup, self._seed, self._optuna = startup, seed, opened_optuna()
        self._names = [f"knob {knob}" for knob in range(len(self.counts))]
        self._begin()

    @abstractmethod
    def sampler(self, samplers: Any, seed: int) -> "BaseSampler":
        """One of `optuna.samplers`, seeded."""

    def values(self, options: Options) -> list[float]:
        """What is to become small, of a network that was judged."""
        return [self._seen[options]]

    def numbers(self) -> dict[str, float]:
        """A random network, as numbers that a sampler could have set."""
        near = (MIDDLE + self.apart()).clip(0, 1)
        return dict(zip(self._names, near.tolist(), strict=True))

    def options(self, numbers: dict[str, float]) -> Options:
        """The network that such numbers stand for."""
        return self.along(self.wish(numbers))

    def wish(self, numbers: dict[str, float]) -> np.ndarray:
        """[knobs]: how far apart they are to be."""
        return np.array([numbers[name] for name in self._names])

    def ask(self) -> tuple[Choices, ...]:
        """What was asked for and is not told, else the next; nothing where all seems known."""
        for _ in range(REPEATS):
            for _ in range(self.batch if not self._pending else 0):
                self._try()
        if not self._pending and (stranger := self._stranger()):
            self._study.enqueue_trial(stranger)
            self._try()
        return tuple(map(Choices, self._pending))

    def tell(self, asked: Sequence[Choices], evidence: Sequence[Evidence]) -> None:
        """Remember losses, and tell them to the study."""
        super().tell(asked, evidence)
        for choices in asked:
            for trial in self._pending.pop(choices.options, ()):
                self._study.tell(trial, self.values(choices.options))

    def state(self) -> dict[str, Any]:
        """What was judged, in its order: all else follows."""
        return {"seen": super().state()["seen"]}

    def restore(self, state: dict[str, Any]) -> None:
        """Ask and tell all again."""
        known = {tuple(options): loss for options, loss in state["seen"]}
        self._seen = {}
        self.generator.manual_seed(self._seed)
        self._begin()
        while len(self._seen) < len(known):
            asked = [one for one in self.ask() if one.options in known]
            losses = [torch.tensor(known[one.options], dtype=torch.float64) for one in asked]
            self.tell(asked, [Evidence(loss, loss) for loss in losses])

    def _begin(self) -> None:
        self._study = self._optuna.create_study(
            directions=["minimize"] * self.objectives,
            sampler=self.sampler(self._optuna.samplers, self._seed),
        )
        within = self._optuna.distributions.FloatDistribution(0.0, 1.0)
        self._space = dict.fromkeys((*self._names, *self.extra), within)
        self._pending: dict[Options, list[Trial]] = {}

    def _try(self) -> None:
        """One trial more, told at once where its network is known."""
        if len(self._study.trials) < self.startup:
            self._study.enqueue_trial(self.numbers())
        trial = self._study.ask(self._space)
        options = self.options(trial.params)
        if options in self._seen:
            self._study.tell(trial, self.values(options))
        else:
            self._pending.setdefault(options, []).append(trial)

    def _stranger(self) -> dict[str, float] | None:
        """Random numbers of a network that was not judged, if chance finds some."""
        drawn = (self.numbers() for _ in range(PATIENCE))
        return next((one for one in drawn if self.options(one) not in self._seen), None)
