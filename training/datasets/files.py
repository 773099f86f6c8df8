"""Image files, cut to squares: decoded by worker processes while the network works."""

from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from proxyless_nas import Shape
from training.datasets.augment import random_box
from training.datasets.chance import generator
from training.datasets.class_folders import Sample
from training.datasets.images import Batch, Batches, Images
from training.datasets.normalisation import IMAGENET
from training.datasets.order import Order
from training.datasets.reading import CENTRE, Reading
from training.datasets.torchvision_door import functional

RESOLUTION = 224


class FileImages(Images):
    """Image files with labels, cut to squares of `reading.resolution` pixels (default 224)."""

    def __init__(self, samples: list[Sample], reading: Reading) -> None:
        labels = torch.tensor([label for _, label in samples], dtype=torch.int64)
        side = reading.resolution or RESOLUTION
        super().__init__(labels, Shape(3, side, side), reading.normalisation(IMAGENET))
        self.samples = samples
        self.reading = reading

    def subset(self, indices: Tensor) -> Self:
        samples = [self.samples[index] for index in indices.tolist()]
        return type(self)(samples, self.reading)

    def batches(self, batch_size: int, seed: int, flip: bool = True, shift: int = 0) -> Batches:
        """A training stream of random crops, scaled to the resolution and mirrored at random."""
        if shift:
            raise ValueError("images from folders are cropped at random and need no --shift")
        return super().batches(batch_size, seed, flip)

    def draw(self, order: Order, step: int, flip: bool, shift: int) -> Iterator[Batch]:
        parts = RandomParts(self, order.seed, flip)
        yield from load(parts, Picks(order, step), self.reading.worker_count())

    def read(self, batch_size: int, pinned: bool) -> Iterator[Batch]:
        picks = torch.arange(len(self)).split(batch_size)
        yield from load(Centres(self), picks, self.reading.worker_count(), pinned)


class Picks(Sampler[list[tuple[int, int]]]):
    """What the workers are asked for, batch by batch: (epoch, index) of every image."""

    def __init__(self, order: Order, step: int) -> None:
        self.order = order
        self.step = step

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for pick in self.order.picks(self.step):
            yield [(pick.epoch, index) for index in pick.indices.tolist()]


class RandomParts(TorchDataset[tuple[Tensor, int]]):
    """(epoch, index) -> a random part of that image, the same for the same seed."""

    def __init__(self, images: FileImages, seed: int, flip: bool) -> None:
        self.images, self.seed, self.flip = images, seed, flip

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int]:
        epoch, index = key
        chance = generator(self.seed, "augment", epoch, index)
        mirror = self.flip and bool(torch.rand((), generator=chance) < 0.5)
        file, label = self.images.samples[index]
        image = decoded(file)
        box = random_box(image.height, image.width, chance)
        corner, size = (box.top, box.left), (box.height, box.width)
        side = self.images.shape.height
        mode = _mode(self.images.reading)
        image = functional.resized_crop(image, *corner, *size, [side, side], mode)
        if mirror:
            image = functional.horizontal_flip(image)
        return pixels_of(image), label


class Centres(TorchDataset[tuple[Tensor, int]]):
    """index -> the middle of that image, scaled.

    The shorter side becomes the whole part of resolution / centre (224: 256, 176: 201), then the
    middle square is cut out.
    """

    def __init__(self, images: FileImages) -> None:
        self.images = images

    def __getitem__(self, key: int) -> tuple[Tensor, int]:
        file, label = self.images.samples[int(key)]
        reading, side = self.images.reading, self.images.shape.height
        shorter = int(side / (reading.centre or CENTRE))
        image = functional.resize(decoded(file), [shorter], _mode(reading))
        return pixels_of(functional.center_crop(image, [side])), label


def _mode(reading: Reading) -> functional.InterpolationMode:
    return functional.InterpolationMode(reading.interpolation or "bilinear")


def decoded(file: str) -> Any:
    """A PIL image of three channels; Any, because torchvision's functions are typed for tensors."""
    try:
        with Image.open(file) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{file} cannot be read as an image: {error}") from error


def pixels_of(image: Any) -> Tensor:
    """uint8 [H, W, C]: the order in which a channels-last network wants them."""
    return torch.from_numpy(np.array(image))


def load(
    pictures: TorchDataset[tuple[Tensor, int]],
    picks: Iterable[Any],
    workers: int,
    pinned: bool = False,
) -> Iterator[Batch]:
    """Batches uint8 [B, C, H, W], channels last, and labels [B], in the order of `picks`.

    The loader draws its workers' seeds from its own generator, so that torch's stays untouched.
    What a worker complains about is passed on without its traceback.
    """
    loader = DataLoader(
        pictures,
        batch_sampler=picks,
        num_workers=workers,
        pin_memory=pinned,
        generator=torch.Generator().manual_seed(0),
    )
    try:
        for pixels, labels in loader:
            yield pixels.permute(0, 3, 1, 2), labels
    except ValueError as error:
        complaint = str(error).strip().splitlines()[-1]
        error.__traceback__ = None  # its frames keep the loader, which then waits 5 s per worker
        raise ValueError(complaint.removeprefix("ValueError: ")) from error
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise OSError(
            f"a process that decodes images died ({str(error).splitlines()[0]}): "
            f"try fewer workers, or more shared memory (/dev/shm)"
        ) from error
