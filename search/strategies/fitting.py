"""What strategies share whose networks meet a goal that is no sum over knobs."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from compression.widths.choose import SHARES, first_enough
from search.choices import Choices, NotMet
from search.strategies.remembering import Options, Remembering

Excess = Callable[[Options], float]
"""How much of a goal options exceed: 1 where it is just met, less where it is met."""
DEVIATION = 0.3
"""The most by which random shares deviate, as in Vitis and EagleEye."""
PATIENCE = 100
"""Draws in a row of networks that are known, before there is taken to be no other one."""


class Fitting(Remembering):
    """Option 0 of each knob leaves it as it is; further ones cost less and lose more.

    The answer is the network of least `Evidence.loss` of those that were judged and for which
    `excess(options) <= 1`. NotMet where all knobs at their last option exceed 1.
    """

    def __init__(self, counts: Sequence[int], excess: Excess) -> None:
        super().__init__(counts)
        self.excess = excess
        self.last: Options = tuple(count - 1 for count in self.counts)
        if not self.fits(self.last):
            raise NotMet(
                "the goal cannot be met: with every knob at its last option it is exceeded by a "
                f"factor of {excess(self.last):.4g}"
            )

    def fits(self, options: Options) -> bool:
        """Whether they meet the goal."""
        return self.excess(options) <= 1

    def best(self) -> Choices:
        """The best judged of those that fit; before any was, every knob at its last option."""
        return Choices(self._best_judged() or self.last)

    def filled(self, options: Options, order: Sequence[int]) -> Options:
        """Knobs step back, in this order and time and again, as long as the goal is still met."""
        found, moved = list(options), True
        while moved:
            moved = False
            for knob in order:
                if found[knob]:
                    found[knob] -= 1
                    kept = self.fits(tuple(found))
                    found[knob] += not kept
                    moved |= kept
        return tuple(found)

    def along(self, apart: np.ndarray, further: float = 0.0) -> Options:
        """The options that knobs have which are so far `apart`: any wish, made to fit.

        A knob's share of its options is its number in `apart` [knobs], moved by as much as all
        others and kept between 0, the first option, and 1, the last. They are moved as far as the
        goal needs; then what that left over is given back to those that are to do least. A
        `further` above 0 moves them by that share of the rest of the way, and gives nothing back.
        """
        reach = float(np.ptp(apart))
        steps = np.array(self.last)

        def at(step: float) -> Options:
            shares = apart - apart.max() + step / SHARES * (1 + reach)
            return tuple(np.rint(shares.clip(0, 1) * steps).astype(int).tolist())

        step = first_enough(SHARES, lambda step: self.fits(at(step)))
        if further:
            beyond = at(step + further * (SHARES - step))
            return beyond if self.fits(beyond) else at(step)
        return self.filled(at(step), np.argsort(apart, kind="stable").tolist())

    def _best_judged(self) -> Options | None:
        fitting = filter(self.fits, self._seen)
        return min(fitting, key=self._seen.__getitem__, default=None)


class Drawing(Fitting):
    """Draws such networks; all chance comes from one generator of this seed."""

    def __init__(self, counts: Sequence[int], excess: Excess, seed: int) -> None:
        super().__init__(counts, excess)
        self.generator = torch.Generator().manual_seed(seed)

    def apart(self) -> np.ndarray:
        """[knobs]: normal random numbers, whose deviation is drawn too, up to DEVIATION."""
        drawn = torch.randn(len(self.counts), dtype=torch.float64, generator=self.generator)
        return DEVIATION * float(torch.rand((), generator=self.generator)) * drawn.numpy()

    def drawn(self) -> Options:
        """A random network that meets the goal, and as a rule would not with a step less."""
        return self.along(self.apart())

    def mended(self, options: Options) -> Options:
        """Random knobs step on until the goal is met, first those that then cost less; then back,
        as long as it still is."""
        found = list(options)
        while (now := self.excess(tuple(found))) > 1:
            steps = list(self._steps(found))
            found[next((knob for cost, knob in steps if cost < now), steps[0][1])] += 1
        return self.filled(tuple(found), self._shuffled())

    def fresh(self, wanted: int) -> list[Options]:
        """So many that were not judged; fewer where there are no more that chance finds."""
        found: dict[Options, None] = {}
        known = 0
        while len(found) < wanted and known < PATIENCE:
            options = self.drawn()
            known = known + 1 if options in self._seen or options in found else 0
            if not known:
                found[options] = None
        return list(found)

    def state(self) -> dict[str, Any]:
        """What was judged, and where the generator stands."""
        return super().state() | {"generator": self.generator.get_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        super().restore(state)
        self.generator.set_state(state["generator"])

    def _steps(self, options: list[int]) -> Iterator[tuple[float, int]]:
        """(excess, knob) of every step on, in random order."""
        for knob in self._shuffled():
            if options[knob] < self.last[knob]:
                further = [*options]
                further[knob] += 1
                yield self.excess(tuple(further)), knob

    def _shuffled(self) -> list[int]:
        return torch.randperm(len(self.counts), generator=self.generator).tolist()
