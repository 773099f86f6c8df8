"""Wishes about how images are read are kept, or refused where they make no sense."""

from collections.abc import Callable

import pytest
import torch

from proxyless_nas import Shape
from training.datasets import Normalisation, NormalisationName, Reading, usual_dataset
from training.datasets.normalisation import IMAGENET


@pytest.mark.parametrize(
    ("name", "mean", "std"),
    [
        (None, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("imagenet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("half", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ("cifar", (0.4914, 0.4824, 0.4467), (0.2471, 0.2435, 0.2616)),
    ],
)
def test_named_normalisations_are_the_published_ones(
    name: NormalisationName | None, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    pixels = torch.randint(256, (2, 3, 4, 4), dtype=torch.uint8)
    found = Reading(normalise=name).normalisation(IMAGENET).apply(pixels)
    mean_of, std_of = (torch.tensor(v)[:, None, None] for v in (mean, std))
    torch.testing.assert_close(found, (pixels / 255 - mean_of) / std_of, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shape", [(3, 1, 5, 7), (2, 3, 4, 6), (2, 4, 1, 1)])
def test_a_normalisation_treats_every_place_of_a_channel_alike(shape: tuple[int, ...]) -> None:
    pixels = torch.randint(256, shape, dtype=torch.uint8)
    steps = torch.arange(1.0, shape[1] + 1) / 10
    normalisation = Normalisation(tuple(steps.tolist()), tuple((2 * steps).tolist()))
    expected = (pixels / 255 - steps[:, None, None]) / (2 * steps[:, None, None])
    for layout in (pixels, pixels.contiguous(memory_format=torch.channels_last)):
        torch.testing.assert_close(normalisation.apply(layout), expected)


def test_grey_images_take_half_but_no_colours() -> None:
    grey = Normalisation((0.3,), (0.3,))
    assert Reading(normalise="half").normalisation(grey) == Normalisation((0.5,), (0.5,))
    with pytest.raises(ValueError, match="3 channels, the images have 1"):
        Reading(normalise="imagenet").normalisation(grey)


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        (lambda: Reading(resolution=0), "resolution 0"),
        (lambda: Reading(centre=0.0), r"centre 0\.0"),
        (lambda: Reading(centre=1.5), r"centre 1\.5"),
        (lambda: Reading(workers=-1), "-1 workers"),
    ],
)
def test_senseless_numbers_are_refused(wish: Callable[[], Reading], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        wish()


@pytest.mark.parametrize(
    "reading",
    [Reading(resolution=64), Reading(interpolation="bicubic"), Reading(centre=0.9)],
)
def test_images_of_one_size_are_not_scaled(reading: Reading) -> None:
    Reading(resolution=32, workers=3, normalise="half").must_keep("x", 3, 32)
    with pytest.raises(ValueError, match="has images of"):
        reading.must_keep("x", 3, 32)


def test_the_dataset_is_told_from_the_network() -> None:
    assert usual_dataset(Shape(3, 176, 176), 1000) == "imagenet"
    assert usual_dataset(Shape(3, 32, 32), 10) == "cifar10"
    assert usual_dataset(Shape(1, 28, 28), 10) == "fashion"
    with pytest.raises(ValueError, match="--dataset"):
        usual_dataset(Shape(3, 32, 32), 100)
