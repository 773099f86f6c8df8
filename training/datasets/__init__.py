"""One door to all data: by name; batches that depend only on a seed and a step."""

from typing import Literal, get_args

from proxyless_nas import Shape
from proxyless_nas.files import did_you_mean
from training.datasets.augmentation import Augmentation, Colour
from training.datasets.class_folders import TOGETHER, Folders
from training.datasets.dataset import Dataset, Exam, Source
from training.datasets.images import Batch, Batches, Images, images_in
from training.datasets.normalisation import Normalisation, NormalisationName
from training.datasets.order import Share
from training.datasets.reading import USUAL, Interpolation, Reading

DatasetName = Literal["imagenet", "cifar10", "fashion", "mnist", "folder"]

__all__ = [
    "Augmentation",
    "Batch",
    "Batches",
    "Colour",
    "Dataset",
    "DatasetName",
    "Exam",
    "Folders",
    "Images",
    "Interpolation",
    "Normalisation",
    "NormalisationName",
    "Reading",
    "Share",
    "images_in",
    "open_dataset",
    "open_test",
    "usual_dataset",
]


def open_dataset(
    name: DatasetName,
    path: str | None = None,
    reading: Reading = USUAL,
    limit: int | None = None,
    folders: Folders = TOGETHER,
) -> Dataset:
    """Open a dataset by name; with `limit`, only so many training and so many test images of it.

    `imagenet` and `folder` are trees PATH/train/CLASS/* and PATH/val/CLASS/*; `cifar10`,
    `fashion` (Fashion-MNIST) and `mnist` are found or fetched when no `path` is given. What a path
    may be is told by `open_imagenet`, `open_folder`, `open_cifar10` and `open_idx`. `folders` says
    where the two trees of `imagenet` and `folder` lie if not there.
    Raises ValueError for an unknown name, OSError with a cure for missing files.
    """
    source = _find(name, path, reading, folders)
    data = Dataset(
        name=source.name,
        class_names=source.class_names,
        train=source.train(),
        test=source.test(),
    )
    return data if limit is None else data.limited(limit)


def open_test(
    name: DatasetName,
    path: str | None = None,
    reading: Reading = USUAL,
    limit: int | None = None,
) -> Exam:
    """Open only the test images of a dataset; its training images need not be there.

    `path` may also be the folder `val` itself. Otherwise as `open_dataset`.
    """
    source = _find(name, path, reading, TOGETHER)
    data = Exam(name=source.name, class_names=source.class_names, test=source.test())
    return data if limit is None else data.limited(limit)


def usual_dataset(input: Shape, classes: int) -> DatasetName:
    """The dataset that a network with this input and so many classes was most likely made for.

    1000 classes of images with 3 channels: imagenet; 10 classes of 3x32x32: cifar10; 10 classes
    of 1x28x28: fashion. ValueError for any other.
    """
    match (input.channels, input.height, input.width, classes):
        case (3, _, _, 1000):
            return "imagenet"
        case (3, 32, 32, 10):
            return "cifar10"
        case (1, 28, 28, 10):
            return "fashion"
    raise ValueError(
        f"cannot tell the dataset of a network that takes {input} and tells {classes} classes "
        f"apart: give --dataset, one of {', '.join(get_args(DatasetName))}"
    )


def _find(name: DatasetName, path: str | None, reading: Reading, folders: Folders) -> Source:
    if folders != TOGETHER and name in ("cifar10", "fashion", "mnist"):
        raise ValueError(f"{name} has no folders of its own for training and test: give --path")
    match name:
        case "imagenet":
            from training.datasets.folder import open_imagenet

            return open_imagenet(path, reading, folders)
        case "cifar10":
            from training.datasets.cifar10 import open_cifar10

            return open_cifar10(path, reading)
        case "fashion":
            from training.datasets.fashion import FASHION
            from training.datasets.idx_files import open_idx

            return open_idx(FASHION, path, reading)
        case "mnist":
            from training.datasets.idx_files import open_idx
            from training.datasets.mnist import MNIST

            return open_idx(MNIST, path, reading)
        case "folder":
            from training.datasets.folder import open_folder

            return open_folder(path, reading, folders)
    names = get_args(DatasetName)
    raise ValueError(
        f"no dataset {name!r}{did_you_mean(name, list(names))}; datasets: {', '.join(names)}"
    )
