"""What training takes from torchvision: reading folders, transforming images, downloads."""

import socket
from collections.abc import Callable
from pathlib import Path

from proxyless_nas.torchvision_door import torchvision

# isort: split
from torchvision.datasets import CIFAR10, MNIST, FashionMNIST
from torchvision.datasets.utils import download_and_extract_archive
from torchvision.transforms import v2 as transforms
from torchvision.transforms.v2 import functional

__all__ = [
    "CIFAR10",
    "download_cifar10",
    "download_fashion",
    "download_mnist",
    "functional",
    "torchvision",
    "transforms",
]

STALL_SECONDS = 20.0


def download_fashion(folder: Path) -> None:
    """Let torchvision download Fashion-MNIST below `folder`; OSError when it cannot."""
    _patiently(lambda: FashionMNIST(str(folder), download=True))


def download_mnist(folder: Path) -> None:
    """Let torchvision download MNIST below `folder`; OSError when it cannot."""
    _patiently(lambda: MNIST(str(folder), download=True))


def download_cifar10(folder: Path) -> None:
    """Let torchvision download CIFAR-10's batches below `folder`; OSError when it cannot.

    Its dataset class is not used: that one would unpickle them.
    """
    name, md5 = CIFAR10.filename, CIFAR10.tgz_md5
    _patiently(
        lambda: download_and_extract_archive(
            CIFAR10.url, folder, filename=name, md5=md5, remove_finished=True
        )
    )


def _patiently(download: Callable[[], object]) -> None:
    """Download, but give up on a server that has said nothing for a while."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)
    try:
        download()
    except RuntimeError as error:
        raise OSError(str(error)) from error
    finally:
        socket.setdefaulttimeout(before)
