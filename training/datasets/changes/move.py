"""Images are moved by some pixels; zeros move in."""

from typing import Self

import numpy as np
import torch
from msgspec import Struct


class Move(Struct, frozen=True, eq=False):
    """Where in an image padded by `shift` zeros the new one begins: (rows, columns) int64 [2, B].

    This is a crop of padded images, as He et al. 2016 train on CIFAR-10.
    """

    corners: np.ndarray
    shift: int

    @classmethod
    def drawn(cls, count: int, shift: int, chance: torch.Generator) -> Self:
        """Every move of up to `shift` pixels in both directions is as likely."""
        corners = torch.randint(2 * shift + 1, (2, count), generator=chance)
        return cls(corners.numpy(), shift)

    def part(self, part: slice) -> "Move":
        """The same for some of the images."""
        return Move(self.corners[:, part], self.shift)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [B, H, W, C]. Rows of interleaved channels are copied whole."""
        count, height, width, channels = pixels.shape
        down, right = self.corners
        edge = self.shift * channels
        padded = np.zeros((count, height + 2 * self.shift, width * channels + 2 * edge), np.uint8)
        padded[:, self.shift : -self.shift, edge:-edge] = pixels.reshape(count, height, -1)
        windows = np.lib.stride_tricks.sliding_window_view(
            padded, (height, width * channels), (1, 2)
        )
        return windows[np.arange(count), down, right * channels].reshape(pixels.shape)
