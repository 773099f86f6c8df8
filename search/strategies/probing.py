"""What strategies share that try options alone, and put together what these lose."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from search.choices import Choices
from search.strategies.fitting import Excess, Fitting
from search.strategies.remembering import Options, probes_then_tries

Losses = Callable[[dict[int, float]], np.ndarray]
"""From what was lost with the options that were tried, option 0 among them, to all options."""


class Probing(Fitting):
    """First the whole is judged, then the `probed` options of each knob alone.

    `filled` makes of that what all options lose. Where `losses` [knobs][options] are known already,
    nothing is probed. Up to `tries` networks are judged then: `solution()`, and what lies a step
    beside the best; the best of them is the answer. All goes by `Evidence.loss`. ValueError where
    all knobs at their last option exceed 1.
    """

    def __init__(
        self, counts: Sequence[int], excess: Excess, probed: Sequence[Sequence[int]],
        filled: Sequence[Losses], tries: int = 10, batch: int = 10,
        losses: Sequence[np.ndarray | None] = (),
    ) -> None:  # fmt: skip
        super().__init__(counts, excess)
        self.tries, self.batch = tries, batch
        self._probed, self._filled = probed, filled
        self._known = losses or [None] * len(counts)
        self.start: Options = (0,) * len(counts)
        alone = (self._with(self.start, knob, o) for knob, each in enumerate(probed) for o in each)
        self._probes: tuple[Options, ...] = (self.start, *alone)
        self._solution: Options | None = None

    @abstractmethod
    def solve(self, losses: Sequence[np.ndarray]) -> Options:
        """What meets the goal by what is lost alone, [knobs][options]."""

    def solution(self) -> Options:
        """The same, when all probes are told."""
        if self._solution is None:
            self._solution = self.solve(self.losses())
        return self._solution

    def ask(self) -> tuple[Choices, ...]:
        """Probes that are missing, then tries; nothing when all is done."""
        left = self.tries - sum(one not in self._probes for one in self._seen)
        return probes_then_tries(self._seen, self._probes, self._proposals, self.batch, left)

    def best(self) -> Choices:
        """The best judged of those that fit; before any was, the solution, or the whole."""
        judged = self._best_judged()
        return Choices(judged or (self.start if self._probing else self.solution()))

    @property
    def probes(self) -> int:
        """How many networks show what options lose alone."""
        return len(self._probes)

    def losses(self) -> list[np.ndarray]:
        """[knobs][options]: what each loses alone; it never falls."""
        whole = self._seen[self.start]
        rows: list[np.ndarray] = []
        for knob, (options, filled) in enumerate(zip(self._probed, self._filled, strict=True)):
            known = self._known[knob]
            if known is None:
                tried = {o: self._seen[self._with(self.start, knob, o)] - whole for o in options}
                known = filled({0: 0.0, **tried})
            rows.append(np.maximum.accumulate(np.maximum(known, 0.0)))
        return rows

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        super().restore(state)
        self._solution = None

    @property
    def _probing(self) -> bool:
        return not self._seen.keys() >= set(self._probes)

    def _with(self, options: Options, knob: int, option: int) -> Options:
        return (*options[:knob], option, *options[knob + 1 :])

    def _proposals(self) -> Iterator[Options]:
        """The solution, then what fits a step beside the best: one knob back, one or none on."""
        yield self.solution()
        losses, best = self.losses(), self.best().options
        moves = [(knob, o + 1) for knob, o in enumerate(best) if o + 1 < self.counts[knob]]
        backs = [(knob, o - 1) for knob, o in enumerate(best) if o > 0]
        found: list[tuple[float, Options]] = []
        for knob, option in backs:
            back = self._with(best, knob, option)
            for other, further in [(knob, option), *moves]:
                if other == knob and further != option:
                    continue
                one = self._with(back, other, further)
                if self.fits(one):
                    lost = sum(float(row[o]) for row, o in zip(losses, one, strict=True))
                    found.append((lost, one))
        yield from (one for _, one in sorted(found))

    def _options(self, gone: Mapping[str, int]) -> Options:
        """As `compression.widths` says them: by knob, what went."""
        return tuple(gone.get(str(knob), 0) for knob in range(len(self.counts)))
