"""Distiller's pruners of elements: what each becomes."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from compression.readers.arguments import WrongArgument
from compression.readers.distiller.drafts import (
    Context,
    Criteria,
    Draft,
    Regimes,
    Share,
    Weights,
    thresholds,
    with_method,
)
from compression.readers.distiller.ranked import RANKED
from compression.readers.reading import Said


class Kind(Struct, frozen=True):
    """The arguments of a class, what they become, and what there is to say of it."""

    args: type[Struct]
    drafts: Callable[[Context, Any], list[Draft]]
    said: Said


class Magnitude(Struct, frozen=True, kw_only=True):
    """Larger than a threshold."""

    thresholds: dict[str, float]

    def __post_init__(self) -> None:
        if "*" not in self.thresholds:
            raise ValueError("thresholds need one for '*', all other parameters")


class Sensitivity(Struct, frozen=True, kw_only=True):
    """Larger than so many deviations."""

    sensitivities: dict[str, float]


class Level(Struct, frozen=True, kw_only=True):
    """All but a share."""

    levels: dict[str, Share]


class Gradual(Struct, frozen=True, kw_only=True):
    """A share that grows."""

    initial_sparsity: Share
    final_sparsity: Share
    weights: Weights


class Recurrent(Struct, frozen=True, kw_only=True):
    """A threshold that grows in two slopes."""

    q: float
    ramp_epoch_offset: int
    ramp_slope_mult: float
    weights: Weights


class Splicing(Struct, frozen=True, kw_only=True):
    """Network surgery."""

    sensitivities: dict[str, float]
    low_thresh_mult: float
    hi_thresh_mult: float
    sensitivity_multiplier: float = 0

    def __post_init__(self) -> None:
        if not 0 <= self.low_thresh_mult <= self.hi_thresh_mult:
            raise WrongArgument(
                "low_thresh_mult",
                f"{self.low_thresh_mult:g} does not lie from 0 to hi_thresh_mult "
                f"{self.hi_thresh_mult:g}",
            )


class Structured(Struct, frozen=True, kw_only=True):
    """Structures below a threshold."""

    reg_regims: Regimes
    threshold_criteria: Criteria


def _magnitude(context: Context, args: Magnitude) -> list[Draft]:
    return with_method(context.each("thresholds", args.thresholds, None), "threshold", "value")


def _sensitivity(context: Context, args: Sensitivity) -> list[Draft]:
    drafts = context.each("sensitivities", args.sensitivities, None)
    return with_method(drafts, "sensitivity", "deviations", of="first")


def _level(context: Context, args: Level) -> list[Draft]:
    return with_method(context.each("levels", args.levels, None), "level", "share")


def _gradual(context: Context, args: Gradual) -> list[Draft]:
    share = context.agp(args.initial_sparsity, args.final_sparsity)
    method = {"by": "level", "share": share}
    return [Draft(method=method, tensors=context.tensors(args.weights))]


def _recurrent(context: Context, args: Recurrent) -> list[Draft]:
    timing, turn = context.timing, args.ramp_epoch_offset
    if timing.frequency is None:
        context.agp(0, 1)
    if not 0 <= turn < timing.end - timing.begin:
        context.refuse("ramp_epoch_offset", f"the ramp at {turn} does not lie within the policy")
    if timing.frequency == 1:
        value: dict[str, Any] = {
            "curve": "ramp", "q": args.q, "turn": turn, "steeper": args.ramp_slope_mult
        }  # fmt: skip
    else:
        value = {"curve": "list", "to": ramp(args, timing.epochs, timing.end, timing.frequency)}
    return [
        Draft(method={"by": "threshold", "value": value}, tensors=context.tensors(args.weights))
    ]


def ramp(args: Recurrent, epochs: tuple[int, ...], end: int, frequency: int | None) -> list[float]:
    """The threshold at each of some epochs, as Distiller computes it."""
    begin, every = epochs[0], frequency or 1
    turn = begin + args.ramp_epoch_offset
    theta = 2 * args.q * every / (2 * (turn - begin) + 3 * (end - turn))
    phi = theta * args.ramp_slope_mult
    return [
        theta * (epoch - begin + 1) / every
        if epoch < turn
        else (theta * (turn - begin + 1) + phi * (epoch - turn + 1)) / every
        for epoch in epochs
    ]


def _splicing(context: Context, args: Splicing) -> list[Draft]:
    drafts = context.each("sensitivities", args.sensitivities, None)
    timing = context.timing
    growth = [(epoch - timing.begin) * args.sensitivity_multiplier + 1 for epoch in timing.epochs]

    def alpha(value: float) -> Any:
        if growth[-1] == 1:
            return value
        if timing.every is not None:
            return {"curve": "linear", "start": value, "stop": value * growth[-1]}
        return {"curve": "list", "to": [value * factor for factor in growth]}

    ends = {"low": args.low_thresh_mult, "high": args.hi_thresh_mult, "of": "first"}
    return [
        Draft(
            method={"by": "surgery", "alpha": alpha(one.method["value"]), **ends},
            tensors=one.tensors,
        )
        for one in drafts
    ]


def _structured(context: Context, args: Structured) -> list[Draft]:
    return thresholds(context, args.reg_regims, args.threshold_criteria)


PRUNERS: dict[str, Kind] = {
    "MagnitudeParameterPruner": Kind(
        Magnitude, _magnitude, ("translated", "mask by threshold")
    ),
    "SensitivityPruner": Kind(
        Sensitivity, _sensitivity, ("translated", "mask by sensitivity, of the first deviation")
    ),
    "SparsityLevelParameterPruner": Kind(
        Level, _level,
        ("differs", "mask by level; of elements of one size as many go as must, there all go"),
    ),
    "AutomatedGradualPruner": Kind(
        Gradual, _gradual, ("translated", "mask by level along the curve agp")
    ),
    "BaiduRNNPruner": Kind(
        Recurrent, _recurrent, ("translated", "mask by threshold along the curve ramp")
    ),
    "SplicingPruner": Kind(
        Splicing, _splicing,
        ("translated", "mask by surgery, of the first mean and deviation"),
    ),
    "StructureParameterPruner": Kind(
        Structured, _structured, ("translated", "structures by threshold")
    ),
    **{name: Kind(*kind) for name, kind in RANKED.items()},
}  # fmt: skip
UNTRANSLATED = {
    "FMReconstructionChannelPruner": "it fits weights to feature maps and is driven by AMC alone",
}
