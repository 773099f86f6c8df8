"""From drafts and the arguments of policies to steps that mask: when, how long, what is below."""

from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from compression.readers.distiller.drafts import Draft, Share
from compression.readers.distiller.names import Names, Tensor, wheres
from compression.readers.distiller.parsing import Timing
from compression.schedule import AnyCurve, Uniform, When, values_of
from compression.steps import MaskStep, StructuresStep
from compression.steps.masks import Below


class PrunerArgs(Struct, frozen=True, kw_only=True):
    """What a pruner's policy may be told."""

    levels: dict[str, Share] | None = None
    keep_mask: bool = False
    mini_batch_pruning_frequency: int = 0
    mask_on_forward_only: bool = False
    mask_gradients: bool = False
    use_double_copies: bool = False
    discard_masks_at_minibatch_end: bool = False
    skip_first_minibatch: bool = False
    fold_batchnorm: bool = False

    def __post_init__(self) -> None:
        if self.mask_gradients and not self.mask_on_forward_only:
            raise ValueError("mask_gradients goes with mask_on_forward_only: true")
        if self.mini_batch_pruning_frequency < 0:
            raise ValueError("mini_batch_pruning_frequency is not below 0")

    @property
    def below(self) -> Below:
        """What masked weights do."""
        if not self.mask_on_forward_only:
            return "zero"
        if self.use_double_copies:
            return "waits" if self.mask_gradients else "learns"
        return "zero" if self.mask_gradients else "from-zero"


class Manner(Struct, frozen=True, kw_only=True):
    """How the masks of a policy behave."""

    below: Below
    again: int | None = None
    lasts: int | None = None
    stays: bool = True
    folded: bool = False


class Planned(Struct, frozen=True, kw_only=True):
    """A draft at its times."""

    draft: Draft
    manner: Manner
    timing: Timing

    @property
    def tensors(self) -> set[Tensor]:
        """What it masks."""
        return set(self.draft.tensors)

    @property
    def structured(self) -> bool:
        """Whether it is about structures."""
        return self.draft.over is not None

    def steps(self) -> list[MaskStep | StructuresStep]:
        """One for each selector that its tensors need."""
        draft, manner = self.draft, self.manner
        shared: dict[str, Any] = {
            "method": draft.method,
            "below": manner.below,
            "lasts": manner.lasts,
            "stays": manner.stays,
            "folded": manner.folded,
            "when": when(self.timing, manner.again),
        }
        found: list[MaskStep | StructuresStep] = []
        for where in wheres(draft.tensors):
            if draft.over is None:
                found.append(MaskStep(where=where, **shared))
                continue
            blocks = {"size": draft.size, "outputs": draft.outputs}
            found.append(
                StructuresStep(
                    where=where,
                    over=draft.over,
                    together=draft.leader is not None,
                    leader=draft.leader,
                    **(blocks if draft.over == "blocks" else {}),
                    **shared,
                )
            )
        return found


def when(timing: Timing, again: int | None = None) -> When:
    """The times of a policy."""
    if timing.every is None:
        return When(times=timing.epochs, again=again)
    every = timing.frequency or timing.every
    return When(begin=timing.begin, end=timing.end, every=every, again=again)


def merged(one: Planned, other: Planned) -> Planned | None:
    """Both, where they do the same to the same tensors with other numbers at other times.

    None where they do not; what comes later counts where both work at a time.
    """
    method, later = one.draft.method, other.draft.method
    same = replace(one.draft, method={}) == replace(other.draft, method={})
    if not same or one.manner != other.manner or method.keys() != later.keys():
        return None
    by_epoch: dict[int, dict[str, float]] = {}
    words: dict[str, Any] = {}
    for planned in (one, other):
        for key, value in planned.draft.method.items():
            if isinstance(value, str | bool):
                if words.setdefault(key, value) != value:
                    return None
                continue
            curve = msgspec.convert(value, AnyCurve) if isinstance(value, dict) else value
            if isinstance(curve, Uniform):
                return None
            epochs = planned.timing.epochs
            for epoch, number in zip(epochs, values_of(curve, len(epochs)), strict=True):
                by_epoch.setdefault(epoch, {})[key] = number
    epochs = tuple(sorted(by_epoch))
    numbers: dict[str, Any] = {
        key: {"curve": "list", "to": [by_epoch[epoch][key] for epoch in epochs]}
        for key in method
        if key not in words
    }
    end = max(one.timing.end, other.timing.end)
    timing = Timing(epochs, end, None, one.timing.place)
    draft = replace(one.draft, method={**words, **numbers})
    return Planned(draft=draft, manner=one.manner, timing=timing)


def with_what_leaves(
    draft: Draft, names: Names, which: Literal["made", "taken"]
) -> tuple[list[Draft], list[str]]:
    """The draft, its layers split by the groups in which channels leave, and words on each.

    Layers whose outputs meet, or that take the same channels, lose the same ones.
    """
    if draft.leader is not None or draft.over != ("filters" if which == "made" else "channels"):
        return [draft], []
    homes: dict[str, list[Tensor]] = {}
    words: list[str] = []
    for tensor in draft.tensors:
        role = "makes" if which == "made" else "takes"
        group = next(
            (
                group
                for group in names.channels().groups
                for place in group.places
                if place.role == role and place.tensor == f"{tensor.layer}.{tensor.own}"
            ),
            None,
        )
        homes.setdefault(tensor.layer if group is None else group.name, []).append(tensor)
    alone = [tensors[0] for tensors in homes.values() if len(tensors) == 1]
    found = [replace(draft, tensors=tuple(alone))] if alone else []
    for tensors in homes.values():
        if len(tensors) > 1:
            found.append(replace(draft, tensors=tuple(tensors), leader=tensors[0].layer))
            listed = ", ".join(names.named(one) for one in tensors)
            words.append(
                f"{listed} lose the same channels, chosen by the first, for they leave together; "
                "there each loses its own, which removal then mixes"
            )
    return found, words
