"""A random part of an image, as networks for ImageNet are trained on."""

import math

import torch
from msgspec import Struct

from training.datasets.augmentation import LEAST_SCALE

TRIES = 10
NARROWEST, WIDEST = 3 / 4, 4 / 3


class Box(Struct, frozen=True):
    """A rectangle of pixels inside an image."""

    top: int
    left: int
    height: int
    width: int

    def over(self, factor: int) -> "Box":
        """The same part of an image that is so many times smaller, in whole pixels."""
        return Box(*(length // factor for length in (self.top, self.left, self.height, self.width)))


def random_box(height: int, width: int, chance: torch.Generator, least: float = LEAST_SCALE) -> Box:
    """A random part of an image, as Szegedy et al. 2015 crop for ImageNet.

    The part's share of the image is uniform from `least` to 1, its width / height log-uniform
    from 3/4 to 4/3. When no draw fits into the image, the answer is its middle square.
    """
    for _ in range(TRIES):
        share, stretch = torch.rand(2, generator=chance, dtype=torch.float64).tolist()
        pixels = height * width * (least + share * (1 - least))
        ratio = NARROWEST * (WIDEST / NARROWEST) ** stretch
        tall, wide = round(math.sqrt(pixels / ratio)), round(math.sqrt(pixels * ratio))
        if 0 < tall <= height and 0 < wide <= width:
            return Box(_below(height - tall, chance), _below(width - wide, chance), tall, wide)
    side = min(height, width)
    return Box((height - side) // 2, (width - side) // 2, side, side)


def _below(largest: int, chance: torch.Generator) -> int:
    return int(torch.randint(largest + 1, (), generator=chance))
