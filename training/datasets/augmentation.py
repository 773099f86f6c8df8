"""What chance may do to training images."""

from typing import Literal, get_args

from msgspec import Struct

Colour = Literal["strong", "normal"]
LEAST_SCALE = 0.08


class Augmentation(Struct, frozen=True, kw_only=True):
    """How much training images are changed at random; by default they are only mirrored and cut.

    ValueError for values that make no sense. Whether the rest applies to a kind of images is told
    where a stream of them is asked for (`Images.batches`).
    """

    flip: bool = True
    """Mirror half of the images left to right."""
    shift: int = 0
    """Images held in memory: move them by up to so many pixels, zeros move in."""
    scale: float = LEAST_SCALE
    """Image files: the least share of an image's area that a random crop takes, in (0, 1]."""
    colour: Colour | None = None
    """Jitter colours; strong: brightness, contrast, saturation by 0.4 and hue by 0.1;
    normal: brightness by 32/255 and saturation by 0.5 (ProxylessNAS, Cai et al. 2019)."""
    cutout: int | None = None
    """Paint a square of so many pixels a side over a random place (DeVries and Taylor 2017)."""

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise ValueError(f"shift {self.shift} is below 0")
        if not 0 < self.scale <= 1:
            raise ValueError(f"scale {self.scale} is not a share above 0 and up to 1")
        if self.colour not in (None, *get_args(Colour)):
            raise ValueError(f"colour {self.colour!r} is none of {', '.join(get_args(Colour))}")
        if self.cutout is not None and self.cutout < 1:
            raise ValueError(f"cutout {self.cutout} is below 1 pixel: leave it out for none")


USUAL_AUGMENTATION = Augmentation()
"""Mirrored; image files are also cropped at random."""
