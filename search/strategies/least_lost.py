"""Try options alone, then take away where least is lost for what is saved."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from compression.widths import least_lost
from search.choices import Choices
from search.strategies.remembering import Options, Remembering

Losses = Callable[[dict[int, float]], np.ndarray]
"""From what was lost with the options that were tried, option 0 among them, to all options."""


class LeastLost(Remembering):
    """For costs that are no sum over knobs: what one saves depends on what went before.

    Option 0 of each knob leaves it as it is; further ones cost less and lose more. First the whole
    is judged, then the `probed` options of each knob alone; `filled` makes of that what all options
    lose. Where `losses` [knobs][options] are known already, nothing is probed. The answer is what
    `compression.widths.least_lost` makes of it for `excess(options) <= 1`. Up to `tries` networks
    are judged then, that one and what lies a step beside it, and the best of them is the answer.
    All goes by `Evidence.loss`. ValueError where all knobs at their last option exceed 1.
    """

    def __init__(
        self, counts: Sequence[int], excess: Callable[[Options], float],
        probed: Sequence[Sequence[int]], filled: Sequence[Losses], tries: int = 10, batch: int = 10,
        losses: Sequence[np.ndarray | None] = (),
    ) -> None:  # fmt: skip
        super().__init__(counts)
        self.excess, self.tries, self.batch = excess, tries, batch
        self._probed, self._filled = probed, filled
        self._known = losses or [None] * len(counts)
        self.start: Options = (0,) * len(counts)
        alone = (self._with(self.start, knob, o) for knob, each in enumerate(probed) for o in each)
        self._probes: tuple[Options, ...] = (self.start, *alone)

    def ask(self) -> tuple[Choices, ...]:
        """Probes that are missing, then tries; nothing when all is done."""
        count = self.batch
        if self._probing:
            wanted = iter(self._probes)
        else:
            wanted = self._proposals()
            count = min(count, self.tries - sum(one not in self._probes for one in self._seen))
        fresh = (Choices(one) for one in wanted if one not in self._seen)
        return tuple(islice(fresh, max(0, count)))

    def best(self) -> Choices:
        """The best judged of those that fit; before any was, the solution, or the whole."""
        fitting = [one for one in self._seen if self.excess(one) <= 1]
        if fitting:
            return Choices(min(fitting, key=self._seen.__getitem__))
        return Choices(self.start if self._probing else self._solution())

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

    @property
    def _probing(self) -> bool:
        return not self._seen.keys() >= set(self._probes)

    def _with(self, options: Options, knob: int, option: int) -> Options:
        return (*options[:knob], option, *options[knob + 1 :])

    def _solution(self) -> Options:
        losses = {str(knob): row for knob, row in enumerate(self.losses())}
        stops = {str(knob): tuple(range(1, count)) for knob, count in enumerate(self.counts)}
        gone = least_lost(losses, lambda one: self.excess(self._options(one)), 1.0, stops)
        return self._options(gone)

    def _options(self, gone: Any) -> Options:
        return tuple(gone.get(str(knob), 0) for knob in range(len(self.counts)))

    def _proposals(self) -> Iterator[Options]:
        """The solution, then what fits a step beside the best: one knob back, one or none on."""
        yield self._solution()
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
                if self.excess(one) <= 1:
                    lost = sum(float(row[o]) for row, o in zip(losses, one, strict=True))
                    found.append((lost, one))
        yield from (one for _, one in sorted(found))
