"""Fashion-MNIST, all 70,000 real images: found on this machine, or fetched once and kept."""

import shutil
import sys
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import Tensor

from training.datasets import idx
from training.datasets.cache import cache_root, keep
from training.datasets.dataset import Source
from training.datasets.debian import unpack_package
from training.datasets.memory import MemoryImages
from training.datasets.normalisation import Normalisation
from training.datasets.reading import Reading

SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""Of the unpacked bytes: gzip packs the same bytes in more than one way."""

PACKAGE = "dataset-fashion-mnist"
INSTALLED = Path("/usr/share/datasets/fashion-mnist")
CLASSES = (
    "T-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
NORMALISATION = Normalisation(mean=(0.2860,), std=(0.3530,))  # of the training images
SIDE = 28

Download = Callable[[Path], None]
"""Puts the files somewhere below a folder, or raises OSError with one line that says why not."""


def _from_debian(folder: Path) -> None:
    unpack_package(PACKAGE, folder)


def _from_torchvision(folder: Path) -> None:
    from training.datasets.torchvision_door import download_fashion

    download_fashion(folder)


DOWNLOADS: Mapping[str, Download] = {"apt-get": _from_debian, "torchvision": _from_torchvision}


def open_fashion(path: str | None, reading: Reading) -> Source:
    """60,000 training and 10,000 test images of 1x28x28 in ten classes.

    `path` is a folder with the four idx files, packed or not.
    """
    reading.must_keep("Fashion-MNIST", 1, SIDE)
    normalisation = reading.normalisation(NORMALISATION)
    files = find(path)

    def images(half: str) -> MemoryImages:
        names = f"{half}-images-idx3-ubyte", f"{half}-labels-idx1-ubyte"
        pixels, labels = (_verified(files[name], name) for name in names)
        return MemoryImages(pixels.unsqueeze(1), labels.long(), normalisation)

    return Source(
        name="Fashion-MNIST",
        class_names=CLASSES,
        train=lambda: images("train"),
        test=lambda: images("t10k"),
    )


def find(
    path: str | None = None,
    installed: Path = INSTALLED,
    downloads: Mapping[str, Download] = DOWNLOADS,
) -> dict[str, Path]:
    """The four files by name, from the first place that has all: path, package, cache, download.

    A given `path` is the only place that is tried. FileNotFoundError says what else to do.
    """
    if path is not None:
        files = locate(Path(path))
        if files is None:
            raise FileNotFoundError(f"{path} lacks one of {', '.join(SHA256)} (plain or .gz)")
        return files
    cached = cache_root() / "fashion-mnist"
    for folder in (installed, cached):
        files = locate(folder)
        if files is not None:
            return files
    keep(cached, lambda folder: _fetch(folder, downloads))
    files = locate(cached)
    if files is None:
        raise FileNotFoundError(f"{cached} is incomplete: delete it and run this again")
    return files


def locate(folder: Path) -> dict[str, Path] | None:
    """The four files by name, packed or not, in `folder` or where others put them below it."""
    for place in (folder, folder / "FashionMNIST" / "raw", folder / INSTALLED.relative_to("/")):
        found = {
            name: file
            for name in SHA256
            for file in (place / name, place / f"{name}.gz")
            if file.is_file()
        }
        if len(found) == len(SHA256):
            return found
    return None


def _fetch(target: Path, downloads: Mapping[str, Download]) -> None:
    """Fill `target` with the four verified files by the first download that works."""
    reasons: list[str] = []
    for name, download in downloads.items():
        print(f"fetching Fashion-MNIST (31 MB) with {name} ...", file=sys.stderr)
        with TemporaryDirectory(prefix="fetch-", dir=target.parent) as folder:
            try:
                download(Path(folder))
                files = locate(Path(folder))
                if files is None:
                    raise FileNotFoundError("not all four files came")
                for part, file in files.items():
                    _verified(file, part)
            except (OSError, ValueError) as error:
                reasons.append(f"{name}: {error}")
                continue
            for file in files.values():
                shutil.move(file, target / file.name)
            return
    raise FileNotFoundError(
        f"no Fashion-MNIST here, and fetching it failed ({'; '.join(reasons) or 'not tried'}).\n"
        f"Three ways out: `--path FOLDER` with its four idx files; `apt install {PACKAGE}`; "
        f"or run this again with a network that reaches Debian or torchvision's mirror."
    )


def _verified(file: Path, name: str) -> Tensor:
    data = idx.content(file)
    if sha256(data).hexdigest() != SHA256[name]:
        raise ValueError(f"{file} is not Fashion-MNIST's {name}: delete it and fetch it again")
    return idx.parse(data, str(file))
