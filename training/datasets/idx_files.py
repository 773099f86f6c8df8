"""Data of the MNIST family: four idx files, found on this machine, or fetched once and kept."""

import shutil
import sys
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct
from torch import Tensor

from training.datasets import idx
from training.datasets.cache import cache_root, keep
from training.datasets.dataset import Source
from training.datasets.memory import MemoryImages
from training.datasets.normalisation import Normalisation
from training.datasets.reading import Reading

SIDE = 28

Download = Callable[[Path], None]
"""Puts the files somewhere below a folder, or raises OSError with one line that says why not."""


class IdxFiles(Struct, frozen=True, kw_only=True):
    """60,000 training and 10,000 test images of 1x28x28 in ten classes, and who has them."""

    title: str
    """Its name, to people."""
    kept: str
    """Its folder in the cache."""
    sha256: Mapping[str, str]
    """Of the unpacked bytes, by file: gzip packs the same bytes in more than one way."""
    class_names: tuple[str, ...]
    normalisation: Normalisation
    mirrors: bool = True
    """Whether a mirrored image still shows what its label says."""
    megabytes: int
    """What a download brings."""
    installed: Path | None = None
    """Where a package of the system puts it."""
    below: tuple[str, ...]
    """Folders in which others put the files below the one that is named."""
    downloads: Mapping[str, Download]
    """By whom they come, tried in this order."""
    cure: str
    """What else brings them, in words."""


def open_idx(data: IdxFiles, path: str | None, reading: Reading) -> Source:
    """The images; `path` is a folder with the four files, packed or not."""
    reading.must_keep(data.title, 1, SIDE)
    normalisation = reading.normalisation(data.normalisation)
    files = find(data, path)

    def images(half: str) -> MemoryImages:
        names = f"{half}-images-idx3-ubyte", f"{half}-labels-idx1-ubyte"
        pixels, labels = (_verified(data, files[name], name) for name in names)
        return MemoryImages(pixels.unsqueeze(1), labels.long(), normalisation, data.mirrors)

    return Source(
        name=data.title,
        class_names=data.class_names,
        train=lambda: images("train"),
        test=lambda: images("t10k"),
    )


def find(data: IdxFiles, path: str | None = None) -> dict[str, Path]:
    """The four files by name, from the first place that has all: path, package, cache, download.

    A given `path` is the only place that is tried. FileNotFoundError says what else to do.
    """
    if path is not None:
        files = locate(data, Path(path))
        if files is None:
            raise FileNotFoundError(f"{path} lacks one of {', '.join(data.sha256)} (plain or .gz)")
        return files
    cached = cache_root() / data.kept
    for folder in (data.installed, cached):
        files = locate(data, folder) if folder is not None else None
        if files is not None:
            return files
    keep(cached, lambda folder: _fetch(data, folder))
    files = locate(data, cached)
    if files is None:
        raise FileNotFoundError(f"{cached} is incomplete: delete it and run this again")
    return files


def locate(data: IdxFiles, folder: Path) -> dict[str, Path] | None:
    """The four files by name, packed or not, in `folder` or where others put them below it."""
    for place in (folder, *(folder / below for below in data.below)):
        found = {
            name: file
            for name in data.sha256
            for file in (place / name, place / f"{name}.gz")
            if file.is_file()
        }
        if len(found) == len(data.sha256):
            return found
    return None


def _fetch(data: IdxFiles, target: Path) -> None:
    """Fill `target` with the four verified files by the first download that works."""
    reasons: list[str] = []
    for name, download in data.downloads.items():
        print(f"fetching {data.title} ({data.megabytes} MB) with {name} ...", file=sys.stderr)
        with TemporaryDirectory(prefix="fetch-", dir=target.parent) as folder:
            try:
                download(Path(folder))
                files = locate(data, Path(folder))
                if files is None:
                    raise FileNotFoundError("not all four files came")
                for part, file in files.items():
                    _verified(data, file, part)
            except (OSError, ValueError) as error:
                reasons.append(f"{name}: {error}")
                continue
            for file in files.values():
                shutil.move(file, target / file.name)
            return
    raise FileNotFoundError(
        f"no {data.title} here, and fetching it failed ({'; '.join(reasons) or 'not tried'}).\n"
        f"Three ways out: `--path FOLDER` with its four idx files; {data.cure}."
    )


def _verified(data: IdxFiles, file: Path, name: str) -> Tensor:
    content = idx.content(file)
    if sha256(content).hexdigest() != data.sha256[name]:
        raise ValueError(f"{file} is not {data.title}'s {name}: delete it and fetch it again")
    return idx.parse(content, str(file))
