"""CIFAR-10, in whichever form it lies around: archives of arrays, pictures in folders, batches."""

import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from proxyless_nas.progress import progress_bar
from training.datasets.cifar10_batches import (
    FOLDER,
    Part,
    fetched_batches,
    holds_batches,
    read_batches,
)
from training.datasets.class_folders import Classes, Sample, samples_of
from training.datasets.dataset import Source
from training.datasets.decode import decoded, pixels_of
from training.datasets.files import load
from training.datasets.memory import MemoryImages
from training.datasets.normalisation import CIFAR
from training.datasets.reading import Reading

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer",
    "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
SIDE = 32
SHAPE = (3, SIDE, SIDE)
AT_ONCE = 250

Read = Callable[[Part], tuple[Tensor, Tensor]]
"""uint8 pixels [N, 3, 32, 32] and int64 labels [N] of one part."""


def open_cifar10(path: str | None, reading: Reading) -> Source:
    """Training and test images of 3x32x32 in ten classes, held in memory.

    `path` is an .npz with x_train, y_train, x_test, y_test (pixels uint8 [N, 3, 32, 32]), a
    folder with train/CLASS/* and test/CLASS/*, or one with torchvision's cifar-10-batches-py,
    whose checksums are compared. Without a path torchvision fetches them once. What is not there,
    or is no CIFAR-10, is named in a FileNotFoundError or ValueError.
    """
    reading.must_keep("CIFAR-10", 3, SIDE)
    normalisation, read = reading.normalisation(CIFAR), _reader(path, reading)

    def images(part: Part) -> MemoryImages:
        return MemoryImages(*read(part), normalisation)

    return Source(
        name="CIFAR-10",
        class_names=CLASSES,
        train=lambda: images("train"),
        test=lambda: images("test"),
    )


def _reader(path: str | None, reading: Reading) -> Read:
    if path is None:
        return partial(read_batches, fetched_batches())
    place = Path(path)
    if place.suffix == ".npz":
        return partial(_read_arrays, place)
    for folder in (place / FOLDER, place):
        if holds_batches(folder):
            return partial(read_batches, folder)
    if any((place / part).is_dir() for part in ("train", "test")):
        return partial(_read_pictures, place, reading.worker_count())
    raise FileNotFoundError(
        f"no CIFAR-10 in {place}: expected {FOLDER}, train/CLASS/* and test/CLASS/*, "
        f"or the name of an .npz file"
    )


def _read_arrays(file: Path, part: Part) -> tuple[Tensor, Tensor]:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            pixels, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
    except FileNotFoundError:
        raise FileNotFoundError(f"no file {file}") from None
    except (KeyError, ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        reason = error.args[0] if error.args else type(error).__name__
        raise ValueError(f"{file} holds no x_{part} and y_{part}: {reason}") from error
    if pixels.dtype != np.uint8 or pixels.shape[1:] != SHAPE or not len(pixels):
        raise ValueError(
            f"{file}: x_{part} is {pixels.dtype} {list(pixels.shape)}, not uint8 [N, 3, 32, 32]"
        )
    if labels.shape != pixels.shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(f"{file}: y_{part} is not one whole number per image")
    if labels.min() < 0 or labels.max() >= len(CLASSES):
        raise ValueError(f"{file}: y_{part} has labels outside 0 to {len(CLASSES) - 1}")
    return torch.from_numpy(pixels), torch.from_numpy(labels.astype(np.int64))


def _read_pictures(place: Path, workers: int, part: Part) -> tuple[Tensor, Tensor]:
    folder = place / part
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}: expected {folder}/CLASS/*")
    pictures = Pictures(samples_of(folder, Classes(CLASSES, "CIFAR-10")))
    picks = torch.arange(len(pictures)).split(AT_ONCE)
    batches = load(pictures, picks, workers)
    bar = progress_bar(batches, f"decode {folder}", len(picks), unit="batch", leave=False)
    pixels, labels = zip(*bar, strict=True)
    return torch.cat(pixels), torch.cat(labels)


class Pictures(TorchDataset[tuple[Tensor, int]]):
    """index -> the whole picture, which must be as small as CIFAR-10's are."""

    def __init__(self, samples: list[Sample]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: int) -> tuple[Tensor, int]:
        file, label = self.samples[int(key)]
        image = decoded(file)
        if image.size != (SIDE, SIDE):
            raise ValueError(f"{file} has {image.width}x{image.height} pixels, not {SIDE}x{SIDE}")
        return pixels_of(image), label
