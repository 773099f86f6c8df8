"""When: at which steps something is done, and what value it has by then."""

from typing import Literal

from msgspec import Struct


class When(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From `begin` on, every so often, up to but not at `end`; in epochs, or in steps.

    Without an end it goes on to the end of the training.
    """

    begin: float = 0
    end: float | None = None
    every: float = 1
    unit: Literal["epochs", "steps"] = "epochs"

    def __post_init__(self) -> None:
        if self.begin < 0 or self.every <= 0:
            raise ValueError("`begin` must not be below 0, `every` must be above 0")
        if self.end is not None and self.end <= self.begin:
            raise ValueError(f"`end` {self.end:g} does not come behind `begin` {self.begin:g}")

    def steps(self, per_epoch: int, total: int) -> list[int]:
        """The steps before which it is done, in a training of `total`, at `per_epoch` an epoch.

        ValueError where the training ends before it begins, or before it ends.
        """
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
        """The step at which it is over."""
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


AnyCurve = Linear | Agp | Listed


def values_of(curve: AnyCurve | float, count: int) -> list[float]:
    """The values of a curve at `count` times; a number is the same at all of them."""
    return [float(curve)] * count if isinstance(curve, int | float) else curve.values(count)
