"""Brightness, contrast, saturation and hue of every image are changed a little."""

from typing import Any, Self

import numpy as np
import torch
from msgspec import Struct
from PIL import Image

from training.datasets.augmentation import Colour

STRENGTHS: dict[Colour, tuple[float, float, float, float]] = {
    "strong": (0.4, 0.4, 0.4, 0.1),
    "normal": (32 / 255, 0.0, 0.5, 0.0),
}
"""How far brightness, contrast, saturation (around 1) and hue (around 0, in turns) may go."""
NEUTRAL = (1.0, 1.0, 1.0, 0.0)

Jitter = tuple[tuple[int, float], ...]
"""What happens to one image, one after the other: (index into STRENGTHS' four, factor)."""


class Recolour(Struct, frozen=True):
    """The jitter of each image, as torchvision's ColorJitter draws it: uniform, in any order."""

    jitters: tuple[Jitter, ...]

    @classmethod
    def drawn(cls, count: int, colour: Colour, chance: torch.Generator) -> Self:
        """Factors and order for each of `count` images; what has no strength is left out."""
        strengths = STRENGTHS[colour]
        places = torch.rand(count, 4, generator=chance, dtype=torch.float64)
        factors = torch.tensor(NEUTRAL) + torch.tensor(strengths) * (2 * places - 1)
        orders = torch.rand(count, 4, generator=chance).argsort(dim=1)
        return cls(
            tuple(
                tuple((which, row[which]) for which in order if strengths[which])
                for row, order in zip(factors.tolist(), orders.tolist(), strict=True)
            )
        )

    def part(self, part: slice) -> "Recolour":
        """The same for some of the images."""
        return Recolour(self.jitters[part])

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [B, H, W, C] of 1 or 3 channels, overwritten; grey images have no hue to change."""
        for image, jitter in zip(pixels, self.jitters, strict=True):
            image[:] = _jittered(image, jitter)
        return pixels


def _jittered(pixels: np.ndarray, jitter: Jitter) -> np.ndarray:
    """[H, W, C] in other colours; PIL takes less time for this than torch."""
    from training.datasets.torchvision_door import functional

    operations = (
        functional.adjust_brightness,
        functional.adjust_contrast,
        functional.adjust_saturation,
        functional.adjust_hue,
    )
    image: Any = Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
    for which, factor in jitter:
        image = operations[which](image, factor)
    return np.asarray(image).reshape(pixels.shape)
