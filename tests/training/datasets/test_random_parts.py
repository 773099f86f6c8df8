"""Training parts of image files are torchvision's but for rounding, and are decoded cheaply."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from training.datasets import Augmentation, Interpolation, Normalisation, Reading
from training.datasets.decode import decoded_part, pixels_of
from training.datasets.files import FileImages
from training.datasets.random_box import Box
from training.datasets.random_parts import scaled
from training.datasets.torchvision_door import functional

SIDE = 48


def noise(file: Path, height: int, width: int, cell: int = 1) -> str:
    """A picture of random squares of `cell` pixels."""
    pixels = np.random.default_rng(0).integers(
        0, 256, (height // cell, width // cell, 3), dtype=np.uint8
    )
    picture = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    picture.save(file, quality=95)
    return str(file)


def ours(file: str, box: Box, interpolation: Interpolation = "bilinear") -> Tensor:
    part = decoded_part(file, SIDE, lambda height, width: box)
    return torch.from_numpy(scaled(pixels_of(part), SIDE, interpolation)).int()


def theirs(file: str, box: Box, interpolation: Interpolation = "bilinear") -> Tensor:
    picture: Any = Image.open(file).convert("RGB")
    mode = functional.InterpolationMode(interpolation)
    corner, size = (box.top, box.left), (box.height, box.width)
    return pixels_of(functional.resized_crop(picture, *corner, *size, [SIDE, SIDE], mode)).int()


@pytest.mark.parametrize("box", [Box(3, 5, 90, 70), Box(0, 0, 100, 120), Box(40, 60, 20, 31)])
@pytest.mark.parametrize(
    ("interpolation", "levels"), [("nearest", 0), ("bilinear", 2), ("bicubic", 3)]
)
def test_parts_are_torchvisions_but_for_rounding(
    tmp_path: Path, box: Box, interpolation: Interpolation, levels: int
) -> None:
    file = noise(tmp_path / "noise.png", 100, 120)
    difference = (ours(file, box, interpolation) - theirs(file, box, interpolation)).abs()
    assert int(difference.max()) <= levels
    assert float((difference > 0).float().mean()) < 0.05


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_every_kind_of_picture_becomes_three_channels(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "picture.tif"
    Image.open(noise(tmp_path / "noise.png", 60, 80)).convert(mode).save(file)
    box = Box(2, 3, 50, 55)
    assert int((ours(str(file), box) - theirs(str(file), box)).abs().max()) <= 2


@pytest.mark.parametrize(
    ("factor", "box"),
    [
        (1, Box(33, 21, 95, 300)),
        (2, Box(31, 45, 97, 191)),
        (4, Box(13, 22, 200, 301)),
        (8, Box(5, 9, 400, 500)),
    ],
)
def test_a_jpeg_is_decoded_at_the_size_that_the_part_needs(
    tmp_path: Path, factor: int, box: Box
) -> None:
    """The views are the same: what is left of the difference is less than a shift would make."""
    smooth = noise(tmp_path / "smooth.jpg", 419, 533, cell=40)
    part = decoded_part(smooth, SIDE, lambda height, width: box)
    assert part.size == (box.width // factor, box.height // factor)
    assert min(part.size) >= SIDE
    difference = (ours(smooth, box) - theirs(smooth, box)).abs().float()
    shifted = (theirs(smooth, box)[:, 1:] - theirs(smooth, box)[:, :-1]).abs().float()
    assert float(difference.mean()) < (0.02 if factor == 1 else float(shifted.mean()))


def test_other_files_are_decoded_whole(tmp_path: Path) -> None:
    file, box = noise(tmp_path / "smooth.png", 419, 533, cell=40), Box(5, 9, 400, 500)
    assert decoded_part(file, SIDE, lambda height, width: box).size == (500, 400)


@pytest.fixture
def images(tmp_path: Path) -> FileImages:
    files = [noise(tmp_path / f"{index}.png", 60 + index, 80 - index) for index in range(8)]
    return FileImages([(file, 0) for file in files], Reading(resolution=24, workers=0))


def first(images: FileImages, augmentation: Augmentation) -> Tensor:
    return next(images.batches(8, 1, augmentation).stream())[0]


def test_cutout_and_colours_leave_crop_and_mirror_as_they_are(images: FileImages) -> None:
    plain = first(images, Augmentation())
    cut = first(images, Augmentation(cutout=8))
    covered = (cut != plain).any(dim=1)
    assert bool((covered.sum((1, 2)) <= 64).all()) and bool((covered.sum((1, 2)) >= 12).all())
    assert float(cut.permute(0, 2, 3, 1)[covered].abs().max()) < 0.01
    both = first(images, Augmentation(cutout=8, colour="normal"))
    bright = first(images, Augmentation(colour="normal"))
    assert not torch.equal(bright, plain)
    assert float((bright - plain).abs().mean()) < float((bright - plain.flip(3)).abs().mean())
    assert both.shape == plain.shape


def test_a_larger_least_scale_shows_more_of_the_picture(tmp_path: Path) -> None:
    """A picture that gets brighter to the right spans all levels only when all of it is seen."""
    ramp = Image.linear_gradient("L").rotate(90).resize((96, 72))
    ramp.save(tmp_path / "ramp.png")
    samples, wide = [(str(tmp_path / "ramp.png"), 0)] * 40, Normalisation((0.0,) * 3, (1.0,) * 3)
    images = FileImages(samples, Reading(resolution=24, workers=0))
    images.normalisation = wide

    def span(scale: float) -> float:
        x = next(images.batches(40, 1, Augmentation(scale=scale)).stream())[0]
        return float((x.amax((1, 2, 3)) - x.amin((1, 2, 3))).mean())

    assert span(0.9) > span(0.5) > span(0.08)
