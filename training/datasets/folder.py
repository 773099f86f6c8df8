"""Trees of image files as ImageNet is laid out: PATH/train/CLASS/* and PATH/val/CLASS/*."""

import re
from pathlib import Path

from training.datasets.class_folders import (
    ORDER_FILE,
    TOGETHER,
    Classes,
    Folders,
    found_classes,
    listed_classes,
    samples_of,
)
from training.datasets.dataset import Source
from training.datasets.files import RESOLUTION, FileImages
from training.datasets.reading import Reading

IMAGENET_CLASSES = 1000
WNID = re.compile(r"n\d{8}")


def open_folder(path: str | None, reading: Reading, folders: Folders = TOGETHER) -> Source:
    """Any tree of class folders; where only val/ is read, PATH may be that folder itself.

    A `wnids.txt` in, beside or above val/ lists all classes in the order of their labels; the
    tree may then hold only some of them. Without one the labels number the sorted folder names,
    and train/ and val/ must have the same. OSError and ValueError name what is amiss.
    """
    train, val = _places(path, folders, "folder")
    classes = listed_classes(val) or found_classes(val)
    return _source(path or str(val), train, val, classes, reading)


def open_imagenet(path: str | None, reading: Reading, folders: Folders = TOGETHER) -> Source:
    """ImageNet's 1000 classes, in folders that are named by WordNet ids; see `open_folder`.

    A tree that holds fewer of them needs `wnids.txt`: ValueError says so.
    """
    train, val = _places(path, folders, "imagenet")
    classes = listed_classes(val) or found_classes(val)
    _must_be_imagenet(classes)
    return _source("ImageNet", train, val, classes, reading)


def _places(path: str | None, folders: Folders, dataset: str) -> tuple[Path, Path]:
    """The folders of training classes and of validation classes."""
    if path is None:
        if folders.train is not None and folders.val is not None:
            return Path(folders.train), _there(Path(folders.val))
        raise ValueError(f"dataset {dataset!r} needs --path: the folder that holds val/")
    root = Path(path)
    train = root / "train" if folders.train is None else Path(folders.train)
    if folders.val is not None:
        return train, _there(Path(folders.val))
    if not root.is_dir():
        raise FileNotFoundError(f"no folder {root}: expected {root}/val/CLASS/*")
    if (root / "val").is_dir():
        return train, root / "val"
    if (root / "train").is_dir():
        raise FileNotFoundError(f"no folder {root / 'val'}: expected {root}/val/CLASS/*")
    return train, root


def _there(folder: Path) -> Path:
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}: expected {folder}/CLASS/*")
    return folder


def _must_be_imagenet(classes: Classes) -> None:
    odd = next((name for name in classes.names if not WNID.fullmatch(name)), None)
    if odd is not None:
        raise ValueError(
            f"{classes.origin}: {odd!r} is no WordNet id like n01440764; "
            f"give the folder that holds val/, or say --dataset folder"
        )
    if len(classes.names) != IMAGENET_CLASSES:
        raise ValueError(
            f"{classes.origin} names {len(classes.names)} of ImageNet's {IMAGENET_CLASSES} classes,"
            f" so labels cannot be told: put {ORDER_FILE}, all {IMAGENET_CLASSES} ids sorted, one "
            f"per line, beside it, or say --dataset folder"
        )


def _source(name: str, folder: Path, val: Path, classes: Classes, reading: Reading) -> Source:
    def train() -> FileImages:
        _there(folder)
        if classes.origin == str(val):
            odd = sorted(set(found_classes(folder).names) ^ set(classes.names))
            if odd:
                raise ValueError(f"class {odd[0]!r} is not in both {folder} and {val}")
        return FileImages(samples_of(folder, classes), reading)

    side = reading.resolution or RESOLUTION
    return Source(
        name=f"{name} at {side}x{side}",
        class_names=classes.names,
        train=train,
        test=lambda: FileImages(samples_of(val, classes), reading),
    )
