"""Image files become pixels: a whole picture, or a part of it at no more size than is needed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.datasets.random_box import Box

SHRUNK = (8, 4, 2)


def decoded(file: str) -> Any:
    """A PIL image of three channels; Any, because torchvision's functions are typed for tensors."""
    with _opened(file) as image:
        return image.convert("RGB")


def decoded_part(file: str, side: int, choose: Callable[[int, int], Box]) -> Image.Image:
    """The part of a picture that `choose` picks from its (height, width), in three channels.

    A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size, which takes less time; it is where the
    part then still has `side` pixels both ways. The part then begins up to one of these larger
    pixels earlier, and its pixels are means of blocks of the picture.
    """
    with _opened(file) as image:
        box = choose(image.height, image.width)
        for factor in SHRUNK:
            smaller = box.over(factor)
            if min(smaller.height, smaller.width) < side:
                continue
            if image.draft(None, (image.width // factor, image.height // factor)) is not None:
                box = smaller
                break
        right, bottom = box.left + box.width, box.top + box.height
        part = image.crop((box.left, box.top, right, bottom))
        return part if part.mode == "RGB" else part.convert("RGB")


def pixels_of(image: Any) -> Tensor:
    """uint8 [H, W, C]: the order in which a channels-last network wants them."""
    return torch.from_numpy(np.array(image))


@contextmanager
def _opened(file: str) -> Iterator[Image.Image]:
    """ValueError names a file that is no image, or turns out to be torn."""
    try:
        with Image.open(file) as image:
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{file} cannot be read as an image: {error}") from error
