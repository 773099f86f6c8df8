"""Knob by knob to a network that meets a goal which is no sum over knobs."""

from collections.abc import Callable, Sequence

import numpy as np

from search.choices import NotMet
from search.ddpg.walk import FIRST, Trace

SEEN_OF_KNOBS = 8  # numbers in an observation


class ExcessWalk:
    """Turns actions in [0, 1] into options, and options back into observations and actions.

    Every option of a knob has an equal share of [0, 1]. One is open as long as all later knobs, at
    their last options, can still bring `excess(options)` to 1 or less; from a closed one the
    nearest open one is taken, of two the earlier. The action that is remembered is the middle of
    the share of the option that was taken. Where a knob has but one option there is no step.

    An observation, like that of AMC and PocketFlow (He et al. 2018), every number in about [0, 1]:
    place, kind, number of options, the share of the whole's excess that the knob saves alone at its
    last option, what earlier knobs have saved, what is still to be saved, what later knobs can
    save, and the action before, at first 1. `kinds` [knobs] says which are alike. ValueError where
    all knobs at their last option exceed 1, or where there is nothing to choose.
    """

    def __init__(
        self, counts: Sequence[int], kinds: Sequence[str],
        excess: Callable[[tuple[int, ...]], float],
    ) -> None:  # fmt: skip
        self.counts, self._excess = tuple(counts), excess
        self._last = tuple(count - 1 for count in counts)
        self._whole = excess((0,) * len(counts))
        if excess(self._last) > 1:
            raise NotMet("the goal cannot be met: with every knob at its last option it is not")
        self.steps = sum(count > 1 for count in counts)
        if not self.steps:
            raise ValueError("no knob has more than one option: there is nothing to choose")
        names = list(dict.fromkeys(kinds))
        alone = [
            self._saved(excess(tuple(self._last[k] * (k == knob) for k in range(len(counts)))))
            for knob in range(len(counts))
        ]
        self._shapes = np.column_stack(
            [
                np.arange(len(counts)) / len(counts),
                [names.index(kind) / len(names) for kind in kinds],
                np.array(counts) / max(counts),
                alone,
            ]
        )

    def forward(self, act: Callable[[np.ndarray], float]) -> Trace:
        """`act` says what to do at what is seen."""

        def pick(place: int, seen: np.ndarray, done: Sequence[int]) -> int:
            count = self.counts[place]
            wanted = min(count - 1, int(act(seen) * count))
            by_distance = sorted(range(count), key=lambda option: (abs(option - wanted), option))
            behind = self._last[place + 1 :]
            return next(
                (o for o in by_distance if self._excess((*done, o, *behind)) <= 1), count - 1
            )

        return self._go(pick)

    def retrace(self, options: Sequence[int]) -> Trace:
        """The walk that led to these options."""
        return self._go(lambda place, seen, done: options[place])

    def _go(self, pick: Callable[[int, np.ndarray, Sequence[int]], int]) -> Trace:
        options: list[int] = []
        seen: list[np.ndarray] = []
        done: list[float] = []
        for place, count in enumerate(self.counts):
            if count == 1:
                options.append(0)
                continue
            rest = len(self.counts) - place
            now = self._excess((*options, *[0] * rest))
            least = self._excess((*options, *self._last[place:]))
            known = (self._saved(now), (now - 1) / self._whole, (now - least) / self._whole)
            seen.append(np.array([*self._shapes[place], *known, done[-1] if done else FIRST]))
            options.append(pick(place, seen[-1], options))
            done.append((options[-1] + 0.5) / count)
        return Trace(tuple(options), np.array(seen), np.array(done))

    def _saved(self, excess: float) -> float:
        """The share of the whole's excess that is gone."""
        return (self._whole - excess) / self._whole
