"""Learning-rate schedules: pure functions of the step."""

import math
from typing import Literal

from msgspec import Struct

ScheduleName = Literal["cosine", "linear"]
DROP_EPOCHS = (30, 60, 90)


class Schedule(Struct, frozen=True):
    """The factor of the peak learning rate at every step of a run."""

    steps: int
    warmup: float
    """Steps over which the factor rises to 1; need not be whole."""
    start: float
    """The factor from which it rises (Goyal et al. 2017: that of one worker alone)."""
    drops: tuple[int, ...] | None = None
    """Steps at which the factor falls to a tenth; None for half a cosine down to zero."""

    def factor(self, step: int) -> float:
        """At `step`, counted from 0."""
        if step < self.warmup:
            return self.start + (1.0 - self.start) * min(1.0, (step + 1) / self.warmup)
        if self.drops is None:
            return cosine(step - self.warmup, self.steps - self.warmup)
        return 0.1 ** sum(step >= drop for drop in self.drops)


def cosine(step: float, steps: float) -> float:
    """From 1 to 0 over `steps` (Loshchilov and Hutter 2017)."""
    return 0.5 * (1.0 + math.cos(math.pi * step / max(1.0, steps)))


def named_schedule(
    name: ScheduleName, epochs: int, per_epoch: int, warmup_epochs: float, start: float
) -> Schedule:
    """`cosine`, or what the original calls `linear`: a tenth from epochs 30, 60 and 90 on."""
    drops = tuple(epoch * per_epoch for epoch in DROP_EPOCHS) if name == "linear" else None
    return Schedule(epochs * per_epoch, warmup_epochs * per_epoch, start, drops)
