"""What a pruner or regularizer masks, before a policy says when, and how long."""

from typing import Annotated, Any, Literal, NoReturn

from msgspec import Meta, Struct
from msgspec.structs import replace

from compression.readers.distiller.names import Names, Tensor
from compression.readers.distiller.parsing import Component, Timing
from compression.structures import Over
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.values import refuse

Weights = str | tuple[str, ...]
Share = Annotated[float, Meta(ge=0, le=1)]
Regimes = dict[str, tuple[float, str]]


class Draft(Struct, frozen=True, kw_only=True):
    """A method for some tensors; `over` is None where it is about elements."""

    method: dict[str, Any]
    tensors: tuple[Tensor, ...]
    over: Over | None = None
    size: int = 8
    outputs: int = 1
    leader: str | None = None
    """The layer whose choice is that of all, where one is."""


class Context(Struct, frozen=True):
    """A component at the times of one of its policies, and the network."""

    component: Component
    names: Names
    timing: Timing

    def tensors(self, weights: Weights) -> tuple[Tensor, ...]:
        """Those of a list of names, or of one."""
        each = (weights,) if isinstance(weights, str) else weights
        if not each:
            self.refuse("weights", "names of parameters, at least one")
        return tuple(self.names.tensor(name, self.place("weights")) for name in each)

    def place(self, key: str):
        """The line of an argument."""
        return self.component.args.places.get(key, self.component.place)

    def refuse(self, key: str, reason: str) -> NoReturn:
        """ValueError at an argument's line."""
        refuse(self.place(key), (self.component.name, key), reason)

    def each(self, key: str, values: dict[str, float], others: float | None) -> list[Draft]:
        """A draft without a method, one for each number that is not 0, in `{"value": number}`.

        What `*` stands for is given to all tensors that are not named; `others` is its default.
        """
        place = self.place(key)
        named = {
            self.names.tensor(name, place): value for name, value in values.items() if name != "*"
        }
        rest = values.get("*", others)
        if rest is not None:
            named |= {one: rest for one in self.names.everything() if one not in named}
        by_value: dict[float, list[Tensor]] = {}
        for tensor, value in named.items():
            if value != 0:
                by_value.setdefault(value, []).append(tensor)
        return [
            Draft(method={"value": value}, tensors=tuple(tensors))
            for value, tensors in by_value.items()
        ]

    def agp(self, start: float, stop: float) -> dict[str, Any]:
        """The curve of automated gradual pruning over the policy's times."""
        if self.timing.frequency is None or len(self.timing.epochs) < 2:
            refuse(
                self.timing.place, (), "automated gradual pruning needs starting_epoch, "
                "ending_epoch and a frequency that gives two times or more"
            )  # fmt: skip
        if stop <= start:
            self.refuse("final_sparsity", f"{stop:g} is not above initial_sparsity {start:g}")
        return {"curve": "agp", "start": start, "stop": stop}


def with_method(drafts: list[Draft], by: str, number: str, **more: Any) -> list[Draft]:
    """Drafts of `Context.each` with their method: `number` is what it calls the value."""
    return [replace(one, method={"by": by, number: one.method["value"], **more}) for one in drafts]


GROUPS: dict[str, Over] = {
    "2D": "kernels",
    "Rows": "filters",
    "Cols": "channels",
    "Channels": "channels",
    "3D": "filters",
    "Filters": "filters",
    "4D": "layer",
}
"""Structures of regularizers and thresholds, and what they are called here."""
Criteria = Literal["Mean_Abs", "Max"]
OF: dict[Criteria, str] = {"Mean_Abs": "mean", "Max": "max"}


def over(context: Context, key: str, group: str) -> tuple[Over, ...]:
    """The structures of a group; two where it is a sum of two."""
    parts = group.split("+")
    for part in parts:
        if part not in GROUPS:
            context.refuse(key, f"no structure {part}{did_you_mean(part, list(GROUPS))}")
    return tuple(GROUPS[part] for part in parts)


def regimes(context: Context, given: Regimes) -> dict[tuple[float, str], tuple[Tensor, ...]]:
    """By (number, group), the tensors that have it."""
    found: dict[tuple[float, str], list[Tensor]] = {}
    for name, regime in given.items():
        tensor = context.names.tensor(name, context.place("reg_regims"))
        found.setdefault(regime, []).append(tensor)
    return {regime: tuple(tensors) for regime, tensors in found.items()}


def thresholds(context: Context, given: Regimes, criteria: Criteria) -> list[Draft]:
    """Structures whose mean size, or whose largest, is no more than a number, are zero."""
    return [
        Draft(
            method={"by": "threshold", "value": value, "of": _of(one, criteria)},
            tensors=tensors,
            over=one,
        )
        for (value, group), tensors in regimes(context, given).items()
        for one in over(context, "reg_regims", group)[:1]
    ]


def _of(one: Over, criteria: Criteria) -> str:
    return "mean" if one == "channels" else OF[criteria]
