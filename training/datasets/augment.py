"""Random changes to training images; every draw comes from the generator that is passed in."""

import math

import numpy as np
import torch
from msgspec import Struct
from torch import Tensor

TRIES = 10


def mirror_and_move(pixels: Tensor, flip: bool, shift: int, chance: torch.Generator) -> Tensor:
    """Mirror half of [B, C, H, W] left to right and move each image by up to `shift` pixels.

    What moves in from outside is zero. The draws for the mirror come first, so the same images
    are mirrored whatever the shift. The work is done by numpy: bytes of one batch are too little
    to share among torch's threads, which would wait for each other longer than they work.
    """
    images = pixels.numpy()
    if flip:
        chosen = (torch.rand(len(images), generator=chance) < 0.5).numpy()
        images = images.copy()
        images[chosen] = images[chosen][..., ::-1]
    if shift:
        down, right = torch.randint(2 * shift + 1, (2, len(images)), generator=chance).numpy()
        height, width = images.shape[2:]
        padded = np.zeros((*images.shape[:2], height + 2 * shift, width + 2 * shift), np.uint8)
        padded[..., shift:-shift, shift:-shift] = images
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), (2, 3))
        images = windows[np.arange(len(images)), :, down, right]
    return torch.from_numpy(images)


class Box(Struct, frozen=True):
    """A rectangle of pixels inside an image."""

    top: int
    left: int
    height: int
    width: int


def random_box(
    height: int,
    width: int,
    chance: torch.Generator,
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
) -> Box:
    """A random part of an image, as Szegedy et al. 2015 crop for ImageNet.

    The part's share of the image is uniform in `area`, its width / height log-uniform in
    `aspect`. When no draw fits into the image, the answer is its middle square.
    """
    for _ in range(TRIES):
        share, stretch = torch.rand(2, generator=chance, dtype=torch.float64).tolist()
        pixels = height * width * (area[0] + share * (area[1] - area[0]))
        ratio = aspect[0] * (aspect[1] / aspect[0]) ** stretch
        tall, wide = round(math.sqrt(pixels / ratio)), round(math.sqrt(pixels * ratio))
        if 0 < tall <= height and 0 < wide <= width:
            return Box(_below(height - tall, chance), _below(width - wide, chance), tall, wide)
    side = min(height, width)
    return Box((height - side) // 2, (width - side) // 2, side, side)


def _below(largest: int, chance: torch.Generator) -> int:
    return int(torch.randint(largest + 1, (), generator=chance))
