"""A square of every image is painted over."""

from typing import Self

import numpy as np
import torch
from msgspec import Struct

from proxyless_nas import Shape


class Cutout(Struct, frozen=True, eq=False):
    """Where the squares begin, (rows, columns) int64 [2, B], how large they are, and their colour.

    A square begins half a side before its centre, which may be any pixel; what lies outside the
    image is lost (DeVries and Taylor 2017). `fill` has one byte per channel.
    """

    corners: np.ndarray
    side: int
    fill: tuple[int, ...]

    @classmethod
    def drawn(
        cls, count: int, shape: Shape, side: int, fill: tuple[int, ...], chance: torch.Generator
    ) -> Self:
        """Every pixel of the image is as likely to be the centre."""
        rows = torch.randint(shape.height, (count,), generator=chance)
        columns = torch.randint(shape.width, (count,), generator=chance)
        return cls(torch.stack([rows, columns]).numpy() - side // 2, side, fill)

    def part(self, part: slice) -> "Cutout":
        """The same for some of the images."""
        return Cutout(self.corners[:, part], self.side, self.fill)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [B, H, W, C], overwritten. Rows of interleaved channels are painted whole."""
        count, height, width, channels = pixels.shape
        first_row, first_column = self.corners
        rows = self._covered(first_row, height)
        columns = self._covered(first_column, width).repeat(channels, axis=1)
        colour = np.tile(np.array(self.fill, np.uint8), width)
        where = rows[:, :, None] & columns[:, None, :]
        painted = pixels.reshape(count, height, -1)
        np.copyto(painted, colour, where=where)
        return painted.reshape(pixels.shape)

    def _covered(self, first: np.ndarray, length: int) -> np.ndarray:
        """bool [B, length]: which rows, or columns, the squares cover."""
        place = np.arange(length) - first[:, None]
        return (place >= 0) & (place < self.side)
