"""Mayo's learning rates as rules: TensorFlow's functions, to which it gives epochs for steps."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any

from msgspec import Meta, Struct

from compression.readers.arguments import WrongArgument
from training.rates import (
    AnyRule,
    Cosine,
    Exponential,
    Milestones,
    Polynomial,
    Steps,
    WarmRestarts,
)

CLOSE = 1e-6
"""What arithmetic leaves so near to a whole number of epochs is that number."""
MOST = 1000
"""Epochs that a rule names one by one."""
BY_EPOCH = "it changes at the start of each epoch, there at every step"
BEYOND = "it goes beyond all numbers from one epoch to the next"
ABOVE = "a rate is above 0 here"
LATER = "it falls at the start of the next epoch"


Time = Annotated[float, Meta(ge=0.001, le=10**9)]
Factor = Annotated[float, Meta(gt=0, le=10**9)]
Size = Annotated[float, Meta(ge=0, le=10**9)]


class Clock(Struct, frozen=True):
    """A training, in epochs."""

    last: float
    """The end of it."""
    learnt: int


def epochs_of(steps: float) -> float:
    """What a function calls steps; a whole number where it is nearly that."""
    return round(steps) if abs(steps - round(steps)) < CLOSE else steps


class Falling(Struct, frozen=True):
    """A rule; or None, and why there is none."""

    rule: AnyRule | None
    differs: tuple[str, ...] = ()
    why: str = ""


class Function(Struct, frozen=True, kw_only=True):
    """What every function of TensorFlow's takes."""

    learning_rate: float | None = None
    global_step: Any = None
    name: str | None = None


class _Decay(Function, frozen=True, kw_only=True):
    decay_steps: Time
    decay_rate: Factor
    staircase: bool = False


class _Polynomial(Function, frozen=True, kw_only=True):
    decay_steps: Time
    end_learning_rate: Size = 0.0001
    power: Size = 1.0
    cycle: bool = False


class _Cosine(Function, frozen=True, kw_only=True):
    decay_steps: Time
    alpha: Size = 0.0


class _Restarts(Function, frozen=True, kw_only=True):
    first_decay_steps: Time
    t_mul: Annotated[float, Meta(ge=1, le=1000)] = 2.0
    m_mul: Size = 1.0
    alpha: Size = 0.0


class _Piecewise(Function, frozen=True, kw_only=True):
    boundaries: tuple[Size, ...]
    values: tuple[Size, ...]
    x: Any = None

    def __post_init__(self) -> None:
        if len(self.values) != len(self.boundaries) + 1:
            raise WrongArgument("values", "there is one value more than boundaries")
        if list(self.boundaries) != sorted(self.boundaries):
            raise WrongArgument("boundaries", "they do not rise")


def _exponential(args: _Decay, first: float, clock: Clock) -> Falling:
    return _geometric(args, args.decay_rate, clock)


def _natural(args: _Decay, first: float, clock: Clock) -> Falling:
    return _geometric(args, math.exp(-args.decay_rate), clock)


def _geometric(args: _Decay, factor: float, clock: Clock) -> Falling:
    """Times `factor` every so many steps, at once or bit by bit."""
    epochs = epochs_of(args.decay_steps)
    if not args.staircase:
        try:
            return Falling(Exponential(gamma=factor ** (1 / epochs)), (BY_EPOCH,))
        except OverflowError:
            return Falling(None, why=BEYOND)
    if isinstance(epochs, int):
        return Falling(Steps(size=epochs, gamma=factor))
    falls = clock.last / epochs
    if falls > MOST:
        return Falling(None, why=f"it falls {falls:,.0f} times; {MOST:,} are the most")
    at = tuple(math.ceil(number * epochs) for number in range(1, math.ceil(falls) + 1))
    return Falling(Milestones(at=at, gamma=factor), (LATER,))


def _inverse(args: _Decay, first: float, clock: Clock) -> Falling:
    epochs = epochs_of(args.decay_steps)

    def at(epoch: int) -> float:
        passed = epoch / epochs
        return 1 / (1 + args.decay_rate * (math.floor(passed) if args.staircase else passed))

    return _listed(at, clock.last)


def _polynomial(args: _Polynomial, first: float, clock: Clock) -> Falling:
    epochs = epochs_of(args.decay_steps)
    if args.cycle:
        return Falling(None, why="a polynomial that begins again has no rule here")
    if args.end_learning_rate == 0 and isinstance(epochs, int):
        return Falling(Polynomial(total=epochs, power=args.power), (BY_EPOCH,))
    end = args.end_learning_rate / first
    return _listed(
        lambda epoch: (1 - end) * (1 - min(epoch / epochs, 1)) ** args.power + end,
        min(clock.last, math.ceil(epochs)),
    )


def _cosine(args: _Cosine, first: float, clock: Clock) -> Falling:
    epochs = epochs_of(args.decay_steps)
    if isinstance(epochs, int) and not clock.learnt:
        return Falling(Cosine(total=epochs, least=args.alpha * first, end=epochs), (BY_EPOCH,))
    return _listed(
        lambda epoch: (
            args.alpha + (1 - args.alpha) * (1 + math.cos(math.pi * min(epoch / epochs, 1))) / 2
        ),
        min(clock.last, math.ceil(epochs)),
    )


def _restarts(args: _Restarts, first: float, clock: Clock) -> Falling:
    epochs, growth = epochs_of(args.first_decay_steps), args.t_mul
    if not isinstance(epochs, int) or growth != int(growth) or args.m_mul != 1:
        return Falling(None, why="restarts come here after whole epochs, whole times as long, and "
                       "at the same peak (m_mul: 1)")  # fmt: skip
    rule = WarmRestarts(first=epochs, growth=int(growth), least=args.alpha * first)
    return Falling(rule, (BY_EPOCH,))


def _piecewise(args: _Piecewise, first: float, clock: Clock) -> Falling:
    if not all(value > 0 for value in args.values):
        return Falling(None, why=ABOVE)
    epochs = [epochs_of(step) for step in args.boundaries]
    gammas = tuple(later / one for one, later in pairwise(args.values))
    whole = all(isinstance(epoch, int) for epoch in epochs)
    differs = "the rate of an epoch begins at its first step, there at its second"
    return _milestones(tuple(map(math.ceil, epochs)), gammas, differs if whole else LATER)


def _listed(value: Callable[[int], float], last: float) -> Falling:
    """The factor of each epoch up to the `last`, one by one; behind that it stays."""
    if last > MOST:
        return Falling(None, why=f"it would be said for {last:g} epochs; {MOST:,} are the most: "
                       "lower system.max_epochs")  # fmt: skip
    values = [value(epoch) for epoch in range(math.ceil(last) + 1)]
    changes = [
        (epoch, one, later)
        for epoch, (one, later) in enumerate(pairwise(values), 1)
        if later != one
    ]
    if any(one <= 0 for _, one, _ in changes):
        return Falling(None, why=ABOVE)
    at = tuple(epoch for epoch, _, _ in changes)
    return _milestones(at, tuple(later / one for _, one, later in changes), BY_EPOCH)


def _milestones(at: tuple[int, ...], gammas: tuple[float, ...], differs: str) -> Falling:
    if not all(map(math.isfinite, gammas)):
        return Falling(None, why=BEYOND)
    return Falling(Milestones(at=at, gamma=gammas), (differs,))


Rule = Callable[[Any, float, Clock], Falling]
FUNCTIONS: dict[str, tuple[type[Function], Rule]] = {
    "exponential_decay": (_Decay, _exponential),
    "natural_exp_decay": (_Decay, _natural),
    "inverse_time_decay": (_Decay, _inverse),
    "polynomial_decay": (_Polynomial, _polynomial),
    "cosine_decay": (_Cosine, _cosine),
    "cosine_decay_restarts": (_Restarts, _restarts),
    "piecewise_constant": (_Piecewise, _piecewise),
    "piecewise_constant_decay": (_Piecewise, _piecewise),
}
UNTRANSLATED = {
    name: "it falls in a straight line and along a cosine at once, which has no rule here"
    for name in ("linear_cosine_decay", "noisy_linear_cosine_decay")
}
