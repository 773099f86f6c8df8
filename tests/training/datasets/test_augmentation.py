"""What chance changes in images: how often, how far, and nothing else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from proxyless_nas import Shape
from training.datasets import Augmentation, Colour, Normalisation, changes
from training.datasets.chance import generator
from training.datasets.changes.recolour import Recolour
from training.datasets.random_box import random_box
from training.datasets.torchvision_door import functional

# isort: split
from torchvision.transforms import v2

NOTHING = Augmentation(flip=False)
THEIRS = {
    "strong": v2.ColorJitter(0.4, 0.4, 0.4, 0.1),
    "normal": v2.ColorJitter(32 / 255, 0, 0.5),
}
NAMES = ("brightness_factor", "contrast_factor", "saturation_factor", "hue_factor")
HALF_GREY = Normalisation((0.2, 0.4, 0.6), (1.0, 1.0, 1.0))


def noise(count: int, height: int, width: int, channels: int = 3) -> Tensor:
    """uint8 [B, H, W, C] without zeros."""
    return torch.randint(1, 256, (count, height, width, channels), dtype=torch.uint8)


def changed(pixels: Tensor, augmentation: Augmentation, seed: int = 0) -> Tensor:
    """The same bytes after what chance does to them."""
    count, height, width, channels = pixels.shape
    normalisation = Normalisation(HALF_GREY.mean[:channels], HALF_GREY.std[:channels])
    shape = Shape(channels, height, width)
    drawn = changes.draw(augmentation, count, shape, normalisation, generator(seed))
    return torch.from_numpy(changes.apply(drawn, pixels.numpy().copy()))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_flip_mirrors_about_half_and_leaves_the_rest(channels: int) -> None:
    pixels = noise(4000, 3, 5, channels)
    result = changed(pixels, Augmentation())
    mirrored = (result == pixels.flip(2)).all(dim=(1, 2, 3))
    kept = (result == pixels).all(dim=(1, 2, 3))
    assert bool((mirrored | kept).all())
    assert 0.45 < float(mirrored.float().mean()) < 0.55


def test_a_shift_moves_each_image_whole_and_brings_in_zeros() -> None:
    pixels = torch.zeros(3000, 9, 9, 3, dtype=torch.uint8)
    pixels[:, 4, 4] = torch.tensor([200, 100, 50], dtype=torch.uint8)
    moved = Augmentation(flip=False, shift=2)
    result = changed(pixels, moved)
    where = result[..., 0].nonzero()
    assert len(where) == len(pixels)
    assert set(result.flatten(0, 2).unique(dim=0)[1].tolist()) == {50, 100, 200}
    moves = where[:, 1:] - 4
    counts = (5 * (moves[:, 0] + 2) + moves[:, 1] + 2).bincount(minlength=25)
    assert int(counts.min()) > 80  # all 25 moves, about 120 times each
    still = changed(torch.ones(100, 9, 9, 1, dtype=torch.uint8), moved)
    assert set(still.unique().tolist()) == {0, 1}


@pytest.mark.parametrize("side", [1, 4, 5, 30])
def test_cutout_paints_one_square_of_the_mean_and_nothing_else(side: int) -> None:
    """As in the paper: from half a side before a centre that may be any pixel, cut at the edges."""
    height, width, mean = 8, 6, torch.tensor(HALF_GREY.mean_pixel)
    pixels = noise(3000, height, width)
    pixels[pixels == mean] = 255
    result = changed(pixels, Augmentation(flip=False, cutout=side))
    painted = result == mean
    covered = painted.all(dim=3)
    assert torch.equal(covered, painted.any(dim=3))
    assert torch.equal(result[~covered], pixels[~covered])
    rows, columns = covered.any(dim=2), covered.any(dim=1)
    assert torch.equal(covered, rows[:, :, None] & columns[:, None, :])
    for lines, length in ((rows, height), (columns, width)):
        possible = torch.zeros(length, length, dtype=torch.bool)
        for centre in range(length):
            first = centre - side // 2
            possible[centre, max(0, first) : first + side] = True
        expected, found = possible.float().mean(0), lines.float().mean(0)
        torch.testing.assert_close(found, expected, atol=0.05, rtol=0)
        assert set(map(tuple, lines.tolist())) == set(map(tuple, possible.tolist()))


def test_what_cutout_paints_is_about_zero_for_the_network() -> None:
    pixels = torch.tensor(HALF_GREY.mean_pixel, dtype=torch.uint8)[None, :, None, None]
    assert float(HALF_GREY.apply(pixels).abs().max()) <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("colour", ["strong", "normal"])
def test_jitters_are_drawn_as_torchvisions(colour: Colour) -> None:
    """The same four operations, with factors from the same ranges, in every order."""
    theirs = THEIRS[colour]
    ranges = [theirs.brightness, theirs.contrast, theirs.saturation, theirs.hue]
    found: dict[int, list[float]] = {}
    orders = set()
    for jitter in Recolour.drawn(1000, colour, generator(0)).jitters:
        orders.add(tuple(which for which, _ in jitter))
        for which, factor in jitter:
            found.setdefault(which, []).append(factor)
    wanted = {which: limits for which, limits in enumerate(ranges) if limits is not None}
    assert found.keys() == wanted.keys()
    for which, (low, high) in wanted.items():
        places = (torch.tensor(found[which]) - low) / (high - low)
        assert 0 <= float(places.min()) < 0.01 and 0.99 < float(places.max()) <= 1
        assert abs(float(places.mean()) - 0.5) < 0.05
    assert len(orders) == {2: 2, 4: 24}[len(wanted)]


def test_jitter_is_the_same_for_a_seed_and_different_for_each_image_and_strength() -> None:
    pixels = noise(1, 8, 8).repeat(4, 1, 1, 1)
    strong, normal = (Augmentation(flip=False, colour=name) for name in ("strong", "normal"))
    first = changed(pixels, strong)
    assert torch.equal(first, changed(pixels, strong))
    assert not torch.equal(first, changed(pixels, strong, seed=1))
    assert not torch.equal(first, changed(pixels, normal))
    assert len(first.flatten(1).unique(dim=0)) == 4


def test_jittered_pixels_are_torchvisions() -> None:
    pixels = noise(6, 8, 8)
    drawn = Recolour.drawn(6, "strong", generator(3))
    result = drawn.apply(pixels.numpy().copy())
    for image, after, jitter in zip(pixels, result, drawn.jitters, strict=True):
        parameters: dict[str, Any] = {NAMES[which]: factor for which, factor in jitter}
        parameters["fn_idx"] = [which for which, _ in jitter]
        picture = functional.to_pil_image(image.permute(2, 0, 1))
        assert np.array_equal(after, np.array(THEIRS["strong"].transform(picture, parameters)))


def test_grey_images_are_jittered_too() -> None:
    pixels = noise(5, 8, 8, channels=1)
    result = changed(pixels, Augmentation(flip=False, colour="strong"))
    assert result.shape == pixels.shape and not torch.equal(result, pixels)


def test_no_change_is_no_change() -> None:
    pixels = noise(5, 8, 6)
    assert torch.equal(changed(pixels, NOTHING), pixels)


@pytest.mark.parametrize(("least", "small"), [(0.08, 0.15), (0.35, 0.42)])
def test_random_boxes_lie_inside_and_vary(least: float, small: float) -> None:
    chance = generator(0)
    boxes = [random_box(50, 80, chance, least) for _ in range(300)]
    assert all(b.top >= 0 and b.left >= 0 for b in boxes)
    assert all(b.top + b.height <= 50 and b.left + b.width <= 80 for b in boxes)
    shares = torch.tensor([b.height * b.width / 4000 for b in boxes])
    assert least - 0.02 < float(shares.min()) < small and float(shares.max()) > 0.7
    assert random_box(4, 4000, generator(0)).height == 4


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        (lambda: Augmentation(shift=-1), "shift -1"),
        (lambda: Augmentation(scale=0.0), r"scale 0\.0"),
        (lambda: Augmentation(scale=1.1), r"scale 1\.1"),
        (lambda: Augmentation(cutout=0), "cutout 0"),
        (lambda: Augmentation(colour="strnog"), "strong, normal"),  # pyright: ignore
    ],
)
def test_senseless_wishes_are_refused(wish: Callable[[], Augmentation], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        wish()
