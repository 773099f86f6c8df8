"""When: at which steps something is done, and what value it has by then."""

import random
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct


class When(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From `begin` on, every so often, up to but not at `end`; in epochs, or in steps.

    Without an end it goes on to the end of the training. `times` names the times one by one, in
    their order, in the place of these three.
    """

    begin: float = 0
    end: float | None = None
    every: float = 1
    unit: Literal["epochs", "steps"] = "epochs"
    times: tuple[float, ...] = ()
    again: int | None = None
    """In the epoch behind each time, masks are chosen again before every step whose number is a
    multiple of so many."""

    def __post_init__(self) -> None:
        if self.times and (self.begin, self.end, self.every) != (0, None, 1):
            raise ValueError("`times` say all: leave `begin`, `end` and `every` out")
        if list(self.times) != sorted(set(self.times)) or any(time < 0 for time in self.times):
            raise ValueError(f"the times {self.times} do not rise from 0 or later")
        if self.again is not None and (self.again < 1 or self.unit != "epochs"):
            raise ValueError("`again` is a number of steps, 1 or more, within epochs")
        if self.begin < 0 or self.every <= 0:
            raise ValueError("`begin` must not be below 0, `every` must be above 0")
        if self.end is not None and self.end <= self.begin:
            raise ValueError(f"`end` {self.end:g} does not come behind `begin` {self.begin:g}")

    def steps(self, per_epoch: int, total: int) -> list[int]:
        """The steps before which it is done, in a training of `total`, at `per_epoch` an epoch.

        A training without steps is begun too: then what has no end is done once, before step 0.
        ValueError where the training ends before it begins, or before it ends, and for `again`.
        """
        if self.again is not None:
            raise ValueError("masks alone are chosen again within an epoch: leave `again` out")
        return self._begun(per_epoch, total)

    def rounds(self, per_epoch: int, total: int) -> list[list[int]]:
        """For each time the steps before which it is done: one, and those of `again`.

        ValueError as for `steps`, but for `again`.
        """
        begun, end = self._begun(per_epoch, total), self.last(per_epoch, total)
        if self.again is None:
            return [[step] for step in begun]
        return [
            [step]
            + [
                later
                for later in range(step + 1, min(step + per_epoch, end))
                if later % self.again == 0
            ]
            for step in begun
        ]

    def _begun(self, per_epoch: int, total: int) -> list[int]:
        if self.times:
            found = [self.at(time, per_epoch) for time in self.times]
            if found[-1] >= max(total, 1):  # before the first step, where there is none too
                raise ValueError(
                    f"it would work at {self.unit[:-1]} {self.times[-1]:g}, but the training ends "
                    f"at {total / self._scale(per_epoch):g}"
                )
            return found
        if total == self.begin == 0 and self.end is None:
            return [0]
        scale = self._scale(per_epoch)
        begin, end = self.at(self.begin, per_epoch), self.last(per_epoch, total)
        for what, at, least in (("begin", self.begin, begin + 1), ("end", self.end, end)):
            if at is not None and least > total:
                raise ValueError(
                    f"it would {what} at {self.unit[:-1]} {at:g}, but the training ends at "
                    f"{total / scale:g}"
                )
        if begin >= end:
            raise ValueError(f"nothing lies between {self.unit} {self.begin:g} and {self.end:g}")
        return list(range(begin, end, max(1, round(self.every * scale))))

    def last(self, per_epoch: int, total: int) -> int:
        """The step at which it is over: with `times`, an epoch, or a step, behind the last."""
        if self.times:
            return min(total, self.at(self.times[-1] + 1, per_epoch))
        return total if self.end is None else self.at(self.end, per_epoch)

    def at(self, time: float, per_epoch: int) -> int:
        """The step that comes at a time in its unit."""
        return round(time * self._scale(per_epoch))

    def _scale(self, per_epoch: int) -> int:
        return per_epoch if self.unit == "epochs" else 1


class _Between(Struct, frozen=True, kw_only=True, tag_field="curve", forbid_unknown_fields=True):
    """A way from one value to another."""

    start: float
    stop: float

    def values(self, count: int) -> list[float]:
        """The value at each of `count` times: the first is `start`, the last `stop`.

        Where there is but one time, it is `stop`.
        """
        return [self._at(number / (count - 1) if count > 1 else 1.0) for number in range(count)]

    def _at(self, progress: float) -> float:
        raise NotImplementedError


class Linear(_Between, frozen=True, tag="linear"):
    """In equal steps."""

    def _at(self, progress: float) -> float:
        return self.start * (1 - progress) + self.stop * progress


class Agp(_Between, frozen=True, tag="agp"):
    """Fast at first, then ever slower (Zhu & Gupta 2017, equation 1: a `power` of 3)."""

    power: float = 3.0

    def __post_init__(self) -> None:
        if self.power <= 0:
            raise ValueError(f"a power of {self.power:g} is not above 0")

    def _at(self, progress: float) -> float:
        left = (1 - progress) ** self.power
        return self.start * left + self.stop * (1 - left)


class Listed(Struct, frozen=True, kw_only=True, tag_field="curve", tag="list"):
    """One value after another, each said; the last stays."""

    to: tuple[float, ...]

    def values(self, count: int) -> list[float]:
        """The value at each of `count` times. ValueError for more values than times."""
        if not 0 < len(self.to) <= count:
            raise ValueError(f"a list of {len(self.to)} values does not fit {count} times")
        return [*self.to, *[self.to[-1]] * (count - len(self.to))]


class Ramp(
    Struct, frozen=True, kw_only=True, tag_field="curve", tag="ramp", forbid_unknown_fields=True
):
    """Slow at first, faster from the time `turn` on, counted from 0: a threshold for weights of an
    RNN (Narang et al. 2017, section 3).

    theta = 2 q / (2 turn + 3 (times - turn)); the value at time i is theta (i + 1), and from the
    turn on theta (turn + 1) + phi (i - turn + 1), phi = `steeper` theta. `q` is what the authors
    take from weights that have learned dense: the size that 90 % of them stay below.
    """

    q: float
    turn: int
    steeper: float = 1.5

    def values(self, count: int) -> list[float]:
        """The value at each of `count` times. ValueError where the turn comes behind them."""
        if not 0 <= self.turn <= count:
            raise ValueError(f"a turn at time {self.turn} does not lie among {count} times")
        theta = 2 * self.q / (2 * self.turn + 3 * (count - self.turn))
        return [
            theta * (time + 1)
            if time < self.turn
            else theta * (self.turn + 1) + self.steeper * theta * (time - self.turn + 1)
            for time in range(count)
        ]


class Uniform(
    Struct, frozen=True, kw_only=True, tag_field="curve", tag="uniform", forbid_unknown_fields=True
):
    """Drawn anew at every time, evenly between `low` and `high`."""

    low: float
    high: float
    seed: int = 0

    def values(self, count: int) -> list[float]:
        """The value at each of `count` times."""
        chance = random.Random(self.seed)
        return [chance.uniform(self.low, self.high) for _ in range(count)]


AnyCurve = Linear | Agp | Listed | Ramp | Uniform


def values_of(curve: AnyCurve | float, count: int) -> list[float]:
    """The values of a curve at `count` times; a number is the same at all of them."""
    return [float(curve)] * count if isinstance(curve, int | float) else curve.values(count)


def values_by_step(curve: AnyCurve | float, rounds: Sequence[Sequence[int]]) -> dict[int, float]:
    """The values of a curve at all steps of some rounds.

    Within a round it stays, but where it is drawn anew at every step.
    """
    steps = [step for each in rounds for step in each]
    if isinstance(curve, Uniform):
        return dict(zip(steps, curve.values(len(steps)), strict=True))
    values = values_of(curve, len(rounds))
    return {step: value for value, each in zip(values, rounds, strict=True) for step in each}
