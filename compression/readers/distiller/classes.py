"""Distiller's classes: which there are, and what there is to say of each."""

from typing import Any, Literal

from msgspec import Struct

from compression.readers.arguments import typed
from compression.readers.distiller import after_training, pruners, quantizers, rates, regularizers
from compression.readers.distiller.names import Names
from compression.readers.distiller.parsing import Component
from compression.readers.reading import Verdict
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.values import refuse
from training.rates import AnyRule

Removal = Literal["remove_filters", "remove_channels"]
Which = Literal["made", "taken"]
REMOVES: dict[Removal, Which] = {
    "remove_filters": "made",
    "remove_channels": "taken",
}
EXTENSIONS: tuple[str, ...] = ("StructureRemover", "FilterRemover", "ChannelRemover")


class Remover(Struct, frozen=True, kw_only=True):
    """The arguments of an extension that thins."""

    thinning_func_str: Removal
    arch: str
    dataset: str


KNOWN: dict[str, dict[str, Any]] = {
    "pruners": {**pruners.PRUNERS, **pruners.UNTRANSLATED},
    "regularizers": {**regularizers.REGULARIZERS, **regularizers.UNTRANSLATED},
    "quantizers": {
        **quantizers.QUANTIZERS, **quantizers.UNTRANSLATED, after_training.NAME: None
    },
    "lr_schedulers": {**rates.SCHEDULERS, **rates.UNTRANSLATED},
    "extensions": dict.fromkeys(EXTENSIONS),
}  # fmt: skip
WHY = {
    **pruners.UNTRANSLATED,
    **regularizers.UNTRANSLATED,
    **quantizers.UNTRANSLATED,
    **rates.UNTRANSLATED,
}


def must_be_known(one: Component) -> None:
    """ValueError with the nearest class of its section."""
    known = KNOWN[one.section]
    if one.kind not in known:
        hint = did_you_mean(one.kind, list(known))
        refuse(one.place, (), f"{one.section} have no class {one.kind}{hint}")


def said_of(one: Component, names: Names) -> tuple[Verdict, str]:
    """What there is to say of a component; its arguments are looked at. ValueError as `typed`."""
    if one.kind in WHY:
        return "cannot be", WHY[one.kind]
    if one.kind == after_training.NAME:
        command, left_out = after_training.command_of(one, names.subject.source)
        return "differs", "; ".join([f"nothing is trained: {command}", *left_out])
    if one.section == "pruners":
        pruner = pruners.PRUNERS[one.kind]
        typed(pruner.args, one.args, one.place, one.told)
        return pruner.said
    if one.section == "regularizers":
        regularizer = regularizers.REGULARIZERS[one.kind]
        typed(regularizer.args, one.args, one.place, one.told)
        return regularizer.said
    if one.section == "quantizers":
        left_out = quantizers.steps_of(one, names)[1]
        verdict, words = quantizers.QUANTIZERS[one.kind][1]
        return verdict, "; ".join([words, *left_out])
    if one.section == "lr_schedulers":
        words = f"rule {rule_of(one).__struct_config__.tag}"
        if one.kind == "ReduceLROnPlateau":
            return "differs", f"{words}; it goes by images that --held-out keeps from training"
        return "translated", words
    return "differs", (
        f"remove, of what nothing is {removal_of(one)}: such channels count no more from then on, "
        "as there, and are removed at the end of the training"
    )


def rule_of(one: Component) -> AnyRule:
    """The rule for the learning rate, at all times."""
    args, rule = rates.SCHEDULERS[one.kind]
    given = typed(args, one.args, one.place, one.told)
    try:
        return rule(given)
    except ValueError as error:
        refuse(one.args.places.get("milestones", one.place), (one.name,), str(error))


def removal_of(one: Component) -> Which:
    """What an extension that thins removes."""
    return REMOVES[typed(Remover, one.args, one.place, one.told).thinning_func_str]
