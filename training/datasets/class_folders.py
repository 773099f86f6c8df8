"""Folders that are classes: which there are, which images they hold, which label a folder has."""

import os
from pathlib import Path

from msgspec import Struct

from proxyless_nas.files import did_you_mean

Sample = tuple[str, int]
"""An image file and its label."""
ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
ORDER_FILE = "wnids.txt"


class Folders(Struct, frozen=True):
    """Where training and validation classes lie; None for train/ and val/ of the path."""

    train: str | None = None
    val: str | None = None


TOGETHER = Folders()
"""Both in one folder, as ImageNet is laid out."""


class Classes(Struct, frozen=True):
    """Class names in the order of their labels, and the file or folder that says so."""

    names: tuple[str, ...]
    origin: str


def found_classes(folder: Path) -> Classes:
    """The sorted names of the folders in `folder`; FileNotFoundError when there is none."""
    names = sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."
    )
    if not names:
        raise FileNotFoundError(f"{folder} holds no class folders: expected {folder}/CLASS/*")
    return Classes(tuple(names), str(folder))


def listed_classes(folder: Path) -> Classes | None:
    """What `wnids.txt` in `folder`, beside it or above it lists; None where there is no such file.

    One name per line; the label of a class is the number of its line, from 0. What follows a
    name on its line is left out. ValueError for an empty line or a name that comes twice.
    """
    for place in (folder, *folder.absolute().parents[:2]):
        file = place / ORDER_FILE
        if file.is_file():
            names = tuple((line.split() or [""])[0] for line in file.read_text().splitlines())
            if "" in names or not names:
                raise ValueError(f"{file} has an empty line: expected one class name per line")
            if len(set(names)) != len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise ValueError(f"{file} lists {twice} twice")
            return Classes(names, str(file))
    return None


def samples_of(folder: Path, classes: Classes) -> list[Sample]:
    """Every image below the class folders of `folder`, sorted, with its label.

    ValueError names a folder that is not among the classes, FileNotFoundError one without images.
    """
    labels = {name: label for label, name in enumerate(classes.names)}
    samples: list[Sample] = []
    for name in found_classes(folder).names:
        if name not in labels:
            hint = did_you_mean(name, list(labels))
            raise ValueError(f"{folder / name} is no class of {classes.origin}{hint}")
        files = _images_below(folder / name)
        if not files:
            raise FileNotFoundError(f"{folder / name} holds no images ({', '.join(ENDINGS)})")
        samples += [(file, labels[name]) for file in files]
    return samples


def _images_below(folder: Path) -> list[str]:
    return sorted(
        os.path.join(place, file)
        for place, _, files in os.walk(folder, followlinks=True)
        for file in files
        if file.lower().endswith(ENDINGS)
    )
