"""Distiller's learning-rate schedulers, which are torch's and two of its own, as rules."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from compression.readers.distiller.parsing import Timing
from training.rates import (
    AnyRule,
    Cosine,
    Epochs,
    Exponential,
    Milestones,
    Plateau,
    Polynomial,
    Steps,
    WarmRestarts,
)

Rest = Annotated[int, Meta(ge=0)]
Size = Annotated[float, Meta(ge=0)]


class _Step(Struct, frozen=True, kw_only=True):
    step_size: Epochs
    gamma: Size = 0.1


class _MultiStep(Struct, frozen=True, kw_only=True):
    milestones: tuple[Rest, ...]
    gamma: Size = 0.1


class _MultiGamma(Struct, frozen=True, kw_only=True):
    milestones: tuple[Rest, ...]
    gammas: tuple[Size, ...]


class _Exponential(Struct, frozen=True, kw_only=True):
    gamma: Size


class _Cosine(Struct, frozen=True, kw_only=True):
    T_max: Epochs
    eta_min: Size = 0.0


class _Restarts(Struct, frozen=True, kw_only=True):
    T_0: Epochs
    T_mult: Epochs = 1
    eta_min: Size = 0.0


class _Polynomial(Struct, frozen=True, kw_only=True):
    T_max: Epochs
    power: Size


class _Plateau(Struct, frozen=True, kw_only=True):
    mode: Literal["min", "max"] = "min"
    factor: Annotated[float, Meta(ge=0, lt=1)] = 0.1
    patience: Rest = 10
    verbose: bool = False
    threshold: Size = 1e-4
    threshold_mode: Literal["rel", "abs"] = "rel"
    cooldown: Rest = 0
    min_lr: Size = 0.0
    eps: Size = 1e-8


def _plateau(args: _Plateau) -> Plateau:
    absolute = args.threshold_mode == "abs"
    percent = 100 if absolute and args.mode == "max" else 1  # top-1 is a share here
    return Plateau(
        watch="loss" if args.mode == "min" else "top1",
        factor=args.factor,
        patience=args.patience,
        threshold=args.threshold / percent,
        absolute=absolute,
        cooldown=args.cooldown,
        least=args.min_lr,
        slightest=args.eps,
    )


SCHEDULERS: dict[str, tuple[type[Struct], Callable[[Any], AnyRule]]] = {
    "StepLR": (_Step, lambda args: Steps(size=args.step_size, gamma=args.gamma)),
    "MultiStepLR": (_MultiStep, lambda args: Milestones(at=args.milestones, gamma=args.gamma)),
    "MultiStepMultiGammaLR": (
        _MultiGamma,
        lambda args: Milestones(at=args.milestones, gamma=args.gammas),
    ),
    "ExponentialLR": (_Exponential, lambda args: Exponential(gamma=args.gamma)),
    "CosineAnnealingLR": (_Cosine, lambda args: Cosine(total=args.T_max, least=args.eta_min)),
    "CosineAnnealingWarmRestarts": (
        _Restarts,
        lambda args: WarmRestarts(first=args.T_0, growth=args.T_mult, least=args.eta_min),
    ),
    "ReduceLROnPlateau": (_Plateau, _plateau),
    "PolynomialLR": (_Polynomial, lambda args: Polynomial(total=args.T_max, power=args.power)),
}
UNTRANSLATED = {
    name: "it is no function of the epoch that can be written in a file"
    for name in ("LambdaLR", "MultiplicativeLR")
} | {name: "it goes by steps, not by epochs" for name in ("CyclicLR", "OneCycleLR")}


def timed(rule: AnyRule, timing: Timing, learnt: int) -> AnyRule:
    """The rule at the times of a policy, in a training that begins `learnt` epochs later."""
    left = tuple(epoch - learnt for epoch in timing.epochs if epoch >= learnt)
    if timing.frequency is None:
        return replace(rule, epochs=left, learnt=learnt)
    begin = left[0] if left else 0
    return replace(
        rule, begin=begin, end=timing.end - learnt, every=timing.frequency, learnt=learnt
    )
