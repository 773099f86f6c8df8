"""Distiller's regularizers: penalties, and masks where they have a threshold."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from compression.penalties import L1, AnyPenalty, GroupLasso, GroupVariance
from compression.readers.distiller.drafts import (
    Context,
    Criteria,
    Draft,
    Regimes,
    over,
    regimes,
    thresholds,
)
from compression.readers.distiller.names import Tensor
from compression.readers.reading import Said


class Pressed(Struct, frozen=True):
    """A penalty on some tensors."""

    kind: AnyPenalty
    strength: float
    tensors: tuple[Tensor, ...]


class Regularizing(Struct, frozen=True):
    """All that a regularizer does."""

    penalties: list[Pressed]
    masks: list[Draft]


class L1Args(Struct, frozen=True, kw_only=True):
    """Sizes."""

    reg_regims: dict[str, float]
    threshold_criteria: Criteria | None = None


class GroupArgs(Struct, frozen=True, kw_only=True):
    """Lengths of groups."""

    reg_regims: Regimes
    threshold_criteria: Criteria | None = None


class VarianceArgs(Struct, frozen=True, kw_only=True):
    """The variance of the lengths of channels."""

    reg_regims: Regimes


def _l1(context: Context, args: L1Args) -> Regularizing:
    found: dict[float, list[Tensor]] = {}
    for name, value in args.reg_regims.items():
        found.setdefault(value, []).append(context.names.tensor(name, context.place("reg_regims")))
    pressed = [Pressed(L1(), value, tuple(tensors)) for value, tensors in found.items()]
    masks = [
        Draft(method={"by": "threshold", "value": one.strength}, tensors=one.tensors)
        for one in pressed
    ]
    return Regularizing(pressed, masks if args.threshold_criteria else [])


def _group_lasso(context: Context, args: GroupArgs) -> Regularizing:
    pressed = [
        Pressed(GroupLasso(over=one), value, tensors)
        for (value, group), tensors in regimes(context, args.reg_regims).items()
        for one in over(context, "reg_regims", group)
    ]
    masks: list[Draft] = []
    if args.threshold_criteria is not None:
        masks = thresholds(context, args.reg_regims, args.threshold_criteria)
        sums = [group for _, group in args.reg_regims.values() if "+" in group]
        if sums:
            context.refuse("threshold_criteria", f"there is none for {sums[0]}: leave it out")
    return Regularizing(pressed, masks)


def _variance(context: Context, args: VarianceArgs) -> Regularizing:
    found = regimes(context, args.reg_regims)
    for _, group in found:
        if group != "Channels":
            context.refuse("reg_regims", f"the variance is that of Channels, not {group}")
    pressed = [Pressed(GroupVariance(), value, tensors) for (value, _), tensors in found.items()]
    return Regularizing(pressed, [])


class Kind(Struct, frozen=True):
    """The arguments of a class, what they become, and what there is to say of it."""

    args: type[Struct]
    does: Callable[[Context, Any], Regularizing]
    said: Said


REGULARIZERS: dict[str, Kind] = {
    "L1Regularizer": Kind(L1Args, _l1, ("translated", "penalty l1")),
    "GroupLassoRegularizer": Kind(
        GroupArgs, _group_lasso, ("translated", "penalty group-lasso, not weighted")
    ),
    "GroupVarianceRegularizer": Kind(
        VarianceArgs, _variance, ("translated", "penalty group-variance")
    ),
}
UNTRANSLATED = {
    "DropFilterRegularizer": "it has no loss there and cannot run; BernoulliFilterPruner drops "
    "filters",
}
