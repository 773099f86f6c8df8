"""A recipe: what compression does to a network while it learns, step by step; one YAML file."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import torch
from msgspec import Struct
from torch import Tensor, nn

from compression.masks import bake
from compression.steps import AnyStep, AtWork
from proxyless_nas.files import read_json, read_yaml
from training.companion import Companion

RECIPE = "recipe.json"


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """Steps; where two work at the same time, the first comes first."""

    steps: tuple[AnyStep, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("a recipe without steps does nothing")

    def accompany(self, network: nn.Module, per_epoch: int, steps: int) -> Companion:
        """Prepare `network` for a training, and go along with it.

        ValueError where a step fits neither; the message says which.
        """
        begun: list[AtWork] = []
        for number, step in enumerate(self.steps, 1):
            try:
                begun.append(step.begin(network, per_epoch, steps))
            except ValueError as error:
                kind = step.__struct_config__.tag
                raise ValueError(f"step {number} of the recipe ({kind}): {error}") from error
        return _All(begun)


class _All(Companion):
    """All steps of a recipe."""

    def __init__(self, each: Sequence[AtWork]) -> None:
        self._each = each

    def before(self, step: int) -> None:
        for one in self._each:
            one.before(step)

    def penalty(self) -> Tensor | None:
        found = [penalty for one in self._each if (penalty := one.penalty()) is not None]
        return torch.stack(found).sum() if found else None

    def plain(self, network: nn.Module) -> nn.Module:
        copy = deepcopy(network)
        bake(copy)
        return copy


def read_recipe(path: str | Path, folder: Path) -> Recipe:
    """The recipe in a YAML file; ValueError or FileNotFoundError name what is wrong in it.

    Where the file is gone, a run in `folder` that was begun with it has kept it there.
    """
    kept = folder / RECIPE
    if not Path(path).exists() and kept.exists():
        return read_json(kept, Recipe)
    return read_yaml(path, Recipe)
