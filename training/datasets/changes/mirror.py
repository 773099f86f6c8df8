"""Half of the images are mirrored left to right."""

from typing import Self

import numpy as np
import torch
from msgspec import Struct


class Mirror(Struct, frozen=True, eq=False):
    """Which images are mirrored: bool [B]."""

    chosen: np.ndarray

    @classmethod
    def drawn(cls, count: int, chance: torch.Generator) -> Self:
        """Each image with probability one half."""
        return cls((torch.rand(count, generator=chance) < 0.5).numpy())

    def part(self, part: slice) -> "Mirror":
        """The same for some of the images."""
        return Mirror(self.chosen[part])

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [B, H, W, C], overwritten. Torch mirrors interleaved bytes faster than numpy."""
        mirrored = torch.from_numpy(pixels[self.chosen]).permute(0, 3, 1, 2).flip(3)
        pixels[self.chosen] = mirrored.permute(0, 2, 3, 1).numpy()
        return pixels
