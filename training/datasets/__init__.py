"""One door to all data: `open_dataset` by name, batches that depend only on a seed and a step."""

from typing import Literal, get_args

from proxyless_nas.files import did_you_mean
from training.datasets.dataset import Dataset
from training.datasets.images import Batch, Batches, Images, Normalisation

DatasetName = Literal["fashion", "folder"]

__all__ = [
    "Batch",
    "Batches",
    "Dataset",
    "DatasetName",
    "Images",
    "Normalisation",
    "open_dataset",
]


def open_dataset(
    name: DatasetName,
    path: str | None = None,
    resolution: int | None = None,
    limit: int | None = None,
) -> Dataset:
    """Open a dataset by name; with `limit`, only so many training and so many test images of it.

    `fashion` is Fashion-MNIST, found or fetched when no `path` is given. `folder` is a tree
    PATH/train/CLASS/* and PATH/val/CLASS/*, cropped to `resolution` (default 224).
    Raises ValueError for an unknown name, OSError with a cure for missing files.
    """
    data = _open(name, path, resolution)
    return data if limit is None else data.limited(limit)


def _open(name: DatasetName, path: str | None, resolution: int | None) -> Dataset:
    match name:
        case "fashion":
            from training.datasets.fashion import open_fashion

            return open_fashion(path, resolution)
        case "folder":
            from training.datasets.folder import open_folder

            return open_folder(path, resolution)
    names = get_args(DatasetName)
    raise ValueError(
        f"no dataset {name!r}{did_you_mean(name, list(names))}; datasets: {', '.join(names)}"
    )
