"""What chance changes in a batch: drawn for a whole step, then done to any part of it."""

from collections.abc import Sequence

import numpy as np
import torch

from proxyless_nas import Shape
from training.datasets.augmentation import Augmentation
from training.datasets.changes.cutout import Cutout
from training.datasets.changes.mirror import Mirror
from training.datasets.changes.move import Move
from training.datasets.changes.recolour import Recolour
from training.datasets.normalisation import Normalisation

AnyChange = Mirror | Move | Recolour | Cutout
"""Each knows what happens to every image of a step, gives the `part` of it that concerns some of
them, and does it: `apply` takes uint8 [B, H, W, C], which it may overwrite, and gives the same."""

__all__ = ["AnyChange", "Cutout", "Mirror", "Move", "Recolour", "apply", "draw"]


def draw(
    augmentation: Augmentation,
    count: int,
    shape: Shape,
    normalisation: Normalisation,
    chance: torch.Generator,
) -> list[AnyChange]:
    """The changes to `count` images of this shape, in the order in which they are done.

    Each draws after the ones before it, so the same images are mirrored whatever else happens.
    """
    changes: list[AnyChange] = []
    if augmentation.flip:
        changes.append(Mirror.drawn(count, chance))
    if augmentation.shift:
        changes.append(Move.drawn(count, augmentation.shift, chance))
    if augmentation.colour is not None:
        changes.append(Recolour.drawn(count, augmentation.colour, chance))
    if augmentation.cutout is not None:
        fill = normalisation.mean_pixel
        changes.append(Cutout.drawn(count, shape, augmentation.cutout, fill, chance))
    return changes


def apply(
    changes: Sequence[AnyChange], pixels: np.ndarray, part: slice = slice(None)
) -> np.ndarray:
    """Change uint8 [B, H, W, C], the images at `part` of those that the changes were drawn for."""
    for change in changes:
        pixels = change.part(part).apply(pixels)
    return pixels
