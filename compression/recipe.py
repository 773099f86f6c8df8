"""A recipe: what compression does to a network while it learns, step by step; one YAML file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from msgspec import Struct
from torch import Tensor, nn

from compression.channels.cut import must_agree, noise, removed
from compression.channels.groups import find_channels
from compression.masks import plain_copy
from compression.steps import (
    AnyStep,
    AtWork,
    ExitsStep,
    GateStep,
    MaskStep,
    OverrideStep,
    QuantizeStep,
    RoundStep,
)
from proxyless_nas.files import read_json
from proxyless_nas.language.structs import read_yaml
from proxyless_nas.layer import Shape
from training.companion import Companion, Judge, Seen, nothing_seen
from training.plan import Plan
from training.rates import Rates

RECIPE = "recipe.json"
NOT_ROUNDED = (ExitsStep, GateStep, OverrideStep, QuantizeStep)
"""Steps that leave what computes in another way than the layers of a network."""


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """Steps; where two work at the same time, the first comes first.

    `rates` are rules for the learning rate, in the place of the training's schedule and warm-up.
    """

    steps: tuple[AnyStep, ...] = ()
    rates: Rates = ()

    def __post_init__(self) -> None:
        if not self.steps and not self.rates:
            raise ValueError("a recipe without steps does nothing")
        for number, step in enumerate(self.steps):
            for earlier in self.steps[:number]:
                own = type(step) is type(earlier)  # says itself which layers it leaves alone
                if step.replaces_layers and earlier.holds_layers and not own:
                    late, early = (one.__struct_config__.tag for one in (step, earlier))
                    raise ValueError(
                        f"{late} replaces layers that {early} works on: let {late} come first"
                    )
        _round_comes_last(self.steps)
        if sum(isinstance(one, MaskStep) and one.rewind is not None for one in self.steps) > 1:
            raise ValueError(
                "two steps rewind the whole network: let one do so, at the times of all"
            )

    def accompany(
        self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen = nothing_seen
    ) -> Companion:
        """Prepare `network` for a training on images of `shape`, and go along with it.

        `seen` gives some of its images to the steps that look at them.

        ValueError where a step does not fit one of them; the message says which.
        """
        begun: list[AtWork] = []
        for number, step in enumerate(self.steps, 1):
            try:
                begun.append(step.begin(network, shape, plan, seen))
            except ValueError as error:
                kind = step.__struct_config__.tag
                raise ValueError(f"step {number} of the recipe ({kind}): {error}") from error
        return _All(begun, shape)


def _round_comes_last(steps: Sequence[AnyStep]) -> None:
    """ValueError for a step behind the one that rounds, or one before it that leaves no layers."""
    for number, step in enumerate(steps):
        if not isinstance(step, RoundStep):
            continue
        if number + 1 < len(steps):
            raise ValueError("round works on what all others leave: let it come last")
        for other in steps[:number]:
            if isinstance(other, NOT_ROUNDED):
                kind = other.__struct_config__.tag
                raise ValueError(f"round cannot work on what {kind} leaves: leave one of them out")


class _All(Companion):
    """All steps of a recipe."""

    def __init__(self, each: Sequence[AtWork], shape: Shape) -> None:
        self._each, self._shape = each, shape

    def before(self, step: int) -> bool:
        for one in self._each:
            one.before(step)
        return any([one.goes_back(step) for one in self._each])

    def state(self) -> dict[str, Any]:
        return {str(number): one.state() for number, one in enumerate(self._each, 1)}

    def restore(self, state: dict[str, Any]) -> None:
        for number, one in enumerate(self._each, 1):
            one.restore(state[str(number)])

    def penalty(self, x: Tensor, logits: Tensor, judge: Judge) -> Tensor | None:
        each = (one.penalty(x, logits, judge) for one in self._each)
        found = [penalty for penalty in each if penalty is not None]
        return torch.stack(found).sum() if found else None

    def gradients(self) -> None:
        for one in self._each:
            one.gradients()

    def plain(self, network: nn.Module) -> nn.Module:
        device = next(network.parameters()).device
        copy = plain_copy(network).cpu()  # where both are compared in whole float32
        gone = dict[str, set[int]]()
        for one in self._each:
            for name, channels in one.gone(network).items():
                gone.setdefault(name, set()).update(channels)
        if gone:
            x = noise(self._shape, copy)
            chosen = {name: sorted(channels) for name, channels in gone.items()}
            smaller = removed(copy, find_channels(copy, x), chosen, x)
            must_agree(copy, smaller, x)
            copy = smaller
        for one in self._each:
            copy = one.finished(copy)
        return copy.to(device)

    def leaves_another(self) -> bool:
        return any(one.leaves_another for one in self._each)

    def told(self) -> str:
        return "\n".join(words for one in self._each if (words := one.told()))

    def settled(self, done: int) -> bool:
        return all(one.last_change < done for one in self._each)


def read_recipe(path: str | Path, folder: Path | None = None) -> Recipe:
    """The recipe in a YAML file; ValueError or FileNotFoundError name what is wrong in it.

    Where the file is gone, a run in `folder` that was begun with it has kept it there.
    """
    if folder is not None and not Path(path).exists() and (folder / RECIPE).exists():
        return read_json(folder / RECIPE, Recipe)
    return read_yaml(path, Recipe)
