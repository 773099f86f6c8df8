"""Fashion-MNIST (Xiao et al. 2017), all 70,000 real images."""

from pathlib import Path

from training.datasets.debian import unpack_package
from training.datasets.idx_files import IdxFiles
from training.datasets.normalisation import Normalisation

PACKAGE = "dataset-fashion-mnist"
INSTALLED = Path("/usr/share/datasets/fashion-mnist")

SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def _from_debian(folder: Path) -> None:
    unpack_package(PACKAGE, folder)


def _from_torchvision(folder: Path) -> None:
    from training.datasets.torchvision_door import download_fashion

    download_fashion(folder)


FASHION = IdxFiles(
    title="Fashion-MNIST",
    kept="fashion-mnist",
    sha256=SHA256,
    class_names=(
        "T-shirt", "trouser", "pullover", "dress", "coat",
        "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ),
    normalisation=Normalisation(mean=(0.2860,), std=(0.3530,)),  # of the training images
    megabytes=31,
    installed=INSTALLED,
    below=("FashionMNIST/raw", str(INSTALLED.relative_to("/"))),
    downloads={"apt-get": _from_debian, "torchvision": _from_torchvision},
    cure=f"`apt install {PACKAGE}`; "
    "or run this again with a network that reaches Debian or torchvision's mirror",
)  # fmt: skip
