"""Image files in class folders, as ImageNet is laid out; decoded by worker processes."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from proxyless_nas import Shape
from training.datasets.augment import random_box
from training.datasets.chance import generator
from training.datasets.dataset import Dataset
from training.datasets.images import Batch, Batches, Images, Normalisation
from training.datasets.order import Order
from training.datasets.torchvision_door import ImageFolder, functional

IMAGENET = Normalisation(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
RESOLUTION = 224
CENTRE = 0.875  # share of the shorter side that evaluation looks at
MOST_WORKERS = 8
BILINEAR = functional.InterpolationMode.BILINEAR


def open_folder(path: str | None, resolution: int | None = None) -> Dataset:
    """PATH/train/CLASS/* and PATH/val/CLASS/*; labels number the sorted class names."""
    if path is None:
        raise ValueError("dataset 'folder' needs --path: the folder that holds train/ and val/")
    train, test = _tree(Path(path), "train"), _tree(Path(path), "val")
    if train.classes != test.classes:
        odd = sorted(set(train.classes) ^ set(test.classes))[0]
        raise ValueError(f"{path}: class {odd!r} is not in both train/ and val/")
    side = resolution or RESOLUTION
    return Dataset(
        f"{path} at {side}x{side}",
        tuple(train.classes),
        *(FolderImages(tree.samples, side, IMAGENET) for tree in (train, test)),
    )


class FolderImages(Images):
    """Image files with labels, cut to squares of `side` pixels."""

    def __init__(
        self, samples: list[tuple[str, int]], side: int, normalisation: Normalisation
    ) -> None:
        labels = torch.tensor([label for _, label in samples], dtype=torch.int64)
        super().__init__(labels, Shape(3, side, side), normalisation)
        self.samples = samples

    def subset(self, indices: Tensor) -> Self:
        samples = [self.samples[index] for index in indices.tolist()]
        return type(self)(samples, self.shape.height, self.normalisation)

    def normalised(self, normalisation: Normalisation) -> Self:
        return type(self)(self.samples, self.shape.height, normalisation)

    def batches(self, batch_size: int, seed: int, flip: bool = True, shift: int = 0) -> Batches:
        """A training stream of random crops, scaled to `side` and mirrored at random."""
        if shift:
            raise ValueError("images from folders are cropped at random and need no --shift")
        return super().batches(batch_size, seed, flip)

    def draw(self, order: Order, step: int, flip: bool, shift: int) -> Iterator[Batch]:
        files = RandomParts(self.samples, self.shape.height, order.seed, flip)
        yield from _load(files, Picks(order, step))

    def read(self, batch_size: int) -> Iterator[Batch]:
        files = Centres(self.samples, self.shape.height)
        yield from _load(files, torch.arange(len(self)).split(batch_size))


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

    def __init__(self, samples: list[tuple[str, int]], side: int, seed: int, flip: bool) -> None:
        self.samples, self.side, self.seed, self.flip = samples, side, seed, flip

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int]:
        epoch, index = key
        chance = generator(self.seed, "augment", epoch, index)
        mirror = self.flip and bool(torch.rand((), generator=chance) < 0.5)
        file, label = self.samples[index]
        image = _decode(file)
        box = random_box(image.height, image.width, chance)
        corner, size = (box.top, box.left), (box.height, box.width)
        image = functional.resized_crop(image, *corner, *size, [self.side] * 2, BILINEAR)
        if mirror:
            image = functional.horizontal_flip(image)
        return functional.pil_to_tensor(image), label


class Centres(TorchDataset[tuple[Tensor, int]]):
    """index -> the middle of that image, scaled."""

    def __init__(self, samples: list[tuple[str, int]], side: int) -> None:
        self.samples, self.side = samples, side

    def __getitem__(self, key: int) -> tuple[Tensor, int]:
        file, label = self.samples[int(key)]
        image = functional.resize(_decode(file), [round(self.side / CENTRE)], BILINEAR)
        return functional.pil_to_tensor(functional.center_crop(image, [self.side])), label


def _tree(path: Path, part: str) -> ImageFolder:
    folder = path / part
    if not folder.is_dir():
        raise FileNotFoundError(
            f"no folder {folder}: expected {path}/train/CLASS/*, {path}/val/CLASS/*"
        )
    return ImageFolder(str(folder))


def _decode(file: str) -> Any:
    """A PIL image of three channels; Any, because torchvision's functions are typed for tensors."""
    try:
        with Image.open(file) as image:
            return image.convert("RGB")
    except OSError as error:
        raise ValueError(f"{file} cannot be read as an image: {error}") from error


def _load(files: TorchDataset[Any], picks: Iterable[Any]) -> Iterator[Batch]:
    """Batches in the order of `picks`.

    The loader draws its workers' seeds from its own generator, so that torch's stays untouched.
    What a worker complains about is passed on without its traceback.
    """
    loader = DataLoader(
        files,
        batch_sampler=picks,
        num_workers=min(MOST_WORKERS, os.cpu_count() or 1),
        generator=torch.Generator().manual_seed(0),
    )
    try:
        yield from loader
    except ValueError as error:
        raise ValueError(
            str(error).strip().splitlines()[-1].removeprefix("ValueError: ")
        ) from error
