"""CIFAR-10 as torchvision keeps it: five pickled batches and one, checked, read, fetched."""

import io
import pickle
import shutil
import sys
from collections.abc import Callable
from hashlib import md5
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from training.datasets.cache import cache_root, keep
from training.datasets.torchvision_door import CIFAR10, download_cifar10

Part = Literal["train", "test"]
FOLDER = "cifar-10-batches-py"
MD5: dict[Part, dict[str, str]] = {
    "train": {name: digest for name, digest in CIFAR10.train_list},
    "test": {name: digest for name, digest in CIFAR10.test_list},
}
MAY_BE_NAMED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


def holds_batches(folder: Path) -> bool:
    """Whether the batches, or some of them, lie in `folder`."""
    return any((folder / name).is_file() for part in MD5.values() for name in part)


def read_batches(folder: Path, part: Part) -> tuple[Tensor, Tensor]:
    """uint8 pixels [N, 3, 32, 32] and labels [N] of the batches in `folder`.

    FileNotFoundError for a missing batch, ValueError for one that is not CIFAR-10's.
    """
    pixels, labels = [], []
    for name, digest in MD5[part].items():
        file = folder / name
        if not file.is_file():
            raise FileNotFoundError(f"no file {file}: unpack CIFAR-10's archive once more")
        data = file.read_bytes()
        if md5(data).hexdigest() != digest:
            raise ValueError(f"{file} is not CIFAR-10's {name}: delete it and fetch it again")
        batch = _unpickled(data)
        pixels.append(np.asarray(batch["data"], np.uint8).reshape(-1, 3, 32, 32))
        labels += batch["labels"]
    return torch.from_numpy(np.concatenate(pixels)), torch.tensor(labels)


def fetched_batches(download: Callable[[Path], None] = download_cifar10) -> Path:
    """The folder with all batches, fetched once and kept; FileNotFoundError with ways out."""
    folder = cache_root() / "cifar-10"
    keep(folder, lambda target: _fetch(target, download))
    return folder


def _fetch(target: Path, download: Callable[[Path], None]) -> None:
    print("fetching CIFAR-10 (163 MB) with torchvision ...", file=sys.stderr)
    with TemporaryDirectory(prefix="fetch-", dir=target.parent) as folder:
        try:
            download(Path(folder))
            for part in MD5:
                read_batches(Path(folder) / FOLDER, part)
        except (OSError, ValueError) as error:
            raise FileNotFoundError(
                f"no CIFAR-10 here, and fetching it failed ({error}).\n"
                f"Give --path: a folder with {FOLDER}, one with train/CLASS/* and test/CLASS/*, "
                f"or an .npz; or run this again with a network"
            ) from error
        for file in (Path(folder) / FOLDER).iterdir():
            shutil.move(file, target / file.name)


class _Arrays(pickle.Unpickler):
    """Reads numpy arrays among plain values; anything else that could run code is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in MAY_BE_NAMED:
            raise pickle.UnpicklingError(f"{module}.{name} is no data")
        return super().find_class(module, name)


def _unpickled(data: bytes) -> dict[str, Any]:
    return _Arrays(io.BytesIO(data), encoding="latin1").load()
