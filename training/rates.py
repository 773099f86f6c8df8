"""Rules for the learning rate, epoch by epoch: torch's schedulers as functions of the epoch."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

Epochs = Annotated[int, Meta(ge=1)]
"""Some, at least one."""


class Score(Struct, frozen=True):
    """How good the network was behind an epoch, on the images that are scored."""

    loss: float
    top1: float


class Rule(Struct, frozen=True, kw_only=True, tag_field="by", forbid_unknown_fields=True):
    """Behind epoch `begin`, and every so many from there on up to `end`, the rate is set.

    It is set to what the rule says of the next epoch, counted from the start of the training, or
    from `learnt` epochs before that. Until the first time it is the peak rate, and between two
    times it stays; behind `end` and later epochs the rule says nothing. `epochs` names the times
    one by one instead.
    """

    begin: int = 0
    end: int | None = None
    every: int = 1
    epochs: tuple[int, ...] = ()
    learnt: int = 0

    def __post_init__(self) -> None:
        if self.begin < 0 or self.every < 1 or self.learnt < 0:
            raise ValueError("`begin` and `learnt` must not be below 0, `every` must be 1 or more")
        if self.end is not None and self.end <= self.begin:
            raise ValueError(f"`end` {self.end} does not come behind `begin` {self.begin}")

    def works_behind(self, epoch: int) -> bool:
        """Whether the rate is set when `epoch`, counted from 0, is over."""
        if self.epochs:
            return epoch in self.epochs
        before_end = self.end is None or epoch < self.end
        return epoch >= self.begin and before_end and (epoch - self.begin) % self.every == 0

    def rate(self, base: float, epoch: int) -> float:
        """The rate of `epoch` for a peak rate of `base`."""
        raise NotImplementedError


class Steps(Rule, frozen=True, tag="steps"):
    """Times `gamma` every `size` epochs (torch's StepLR)."""

    size: Epochs
    gamma: float = 0.1

    def rate(self, base: float, epoch: int) -> float:
        return base * self.gamma ** (epoch // self.size)


class Milestones(Rule, frozen=True, tag="milestones"):
    """Times `gamma` from each epoch of `at` on (MultiStepLR); or times one of several each."""

    at: tuple[int, ...]
    gamma: float | tuple[float, ...] = 0.1

    def __post_init__(self) -> None:
        Rule.__post_init__(self)
        if list(self.at) != sorted(self.at):
            raise ValueError(f"the milestones {self.at} do not rise")
        if isinstance(self.gamma, tuple) and len(self.gamma) != len(self.at):
            raise ValueError(f"{len(self.at)} milestones need as many factors `gamma`")

    def rate(self, base: float, epoch: int) -> float:
        passed = bisect_right(self.at, epoch)
        if isinstance(self.gamma, tuple):
            return base * math.prod(self.gamma[:passed])
        return base * self.gamma**passed


class Exponential(Rule, frozen=True, tag="exponential"):
    """Times `gamma` every epoch (ExponentialLR)."""

    gamma: float

    def rate(self, base: float, epoch: int) -> float:
        return base * self.gamma**epoch


class Cosine(Rule, frozen=True, tag="cosine"):
    """Half a cosine down to `least` in `total` epochs, and up again behind (CosineAnnealingLR)."""

    total: Epochs
    least: float = 0.0

    def rate(self, base: float, epoch: int) -> float:
        return _between(self.least, base, epoch / self.total)


class WarmRestarts(Rule, frozen=True, tag="warm-restarts"):
    """Half cosines one after another, each `growth` times as long (SGDR, Loshchilov & Hutter 2017).

    The first takes `first` epochs (torch's CosineAnnealingWarmRestarts).
    """

    first: Epochs
    growth: Epochs = 1
    least: float = 0.0

    def rate(self, base: float, epoch: int) -> float:
        start, length = 0, self.first
        while epoch >= start + length:
            start, length = start + length, length * self.growth
        return _between(self.least, base, (epoch - start) / length)


class Polynomial(Rule, frozen=True, tag="polynomial"):
    """(1 - epoch / `total`) to the `power`; 0 behind that."""

    total: Epochs
    power: float = 1.0

    def rate(self, base: float, epoch: int) -> float:
        return base * max(0.0, 1 - epoch / self.total) ** self.power


class Plateau(Rule, frozen=True, tag="plateau"):
    """Times `factor` when what is watched has not become better for `patience` epochs.

    torch's ReduceLROnPlateau, with its names: better is by `threshold`, a share of the best so far
    or (`absolute`) a difference; behind a fall `cooldown` epochs do not count. Loss is watched, or
    top-1 accuracy, of the images that are scored behind every epoch.
    """

    watch: Literal["loss", "top1"] = "loss"
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    absolute: bool = False
    cooldown: int = 0
    least: float = 0.0
    slightest: float = 1e-8
    """A fall by no more than this is none."""

    def better(self, score: float, best: float | None) -> bool:
        """Whether a score is better than the best one so far, if there is one."""
        if best is None:
            return True
        sign = -1.0 if self.watch == "loss" else 1.0
        by = self.threshold if self.absolute else self.threshold * best
        return sign * score > sign * best + by


AnyRule = Steps | Milestones | Exponential | Cosine | WarmRestarts | Polynomial | Plateau
Rates = tuple[AnyRule, ...]
"""Rules; where several work behind one epoch the last one has the say."""


class _Watched:
    """What a plateau has seen so far."""

    def __init__(self, rule: Plateau) -> None:
        self._rule = rule
        self._best: float | None = None
        self._bad = self._rest = 0

    def after(self, rate: float, score: Score) -> float:
        """The rate behind an epoch that ended with this score."""
        rule = self._rule
        now = score.loss if rule.watch == "loss" else score.top1
        if rule.better(now, self._best):
            self._best, self._bad = now, 0
        else:
            self._bad += 1
        if self._rest > 0:
            self._rest, self._bad = self._rest - 1, 0
        if self._bad <= rule.patience:
            return rate
        self._rest, self._bad = rule.cooldown, 0
        lower = max(rate * rule.factor, rule.least)
        return lower if rate - lower > rule.slightest else rate


def rate_in(rules: Rates, base: float, epoch: int, scores: Sequence[Score] = ()) -> float:
    """The rate in `epoch`, counted from 0, when the epochs before it have ended with `scores`.

    A function of these alone, so a run that is continued takes the rates of an unbroken one.
    """
    rate = base
    watched = {
        number: _Watched(one) for number, one in enumerate(rules) if isinstance(one, Plateau)
    }
    for done in range(epoch):
        for number, rule in enumerate(rules):
            if not rule.works_behind(done):
                continue
            if number in watched:
                rate = watched[number].after(rate, scores[done])
            else:
                rate = rule.rate(base, done + 1 + rule.learnt)
    return rate


def watches(rules: Rates) -> bool:
    """Whether some rule goes by scores."""
    return any(isinstance(rule, Plateau) for rule in rules)


def _between(low: float, high: float, progress: float) -> float:
    return low + (high - low) * (1 + math.cos(math.pi * progress)) / 2
