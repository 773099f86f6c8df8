"""What training takes from torchvision: reading folders, transforming images, Fashion-MNIST."""

import socket
from pathlib import Path

import proxyless_nas.torchvision_door  # noqa: F401 - makes the imports below work

# isort: split
from torchvision.datasets import FashionMNIST, ImageFolder
from torchvision.transforms.v2 import functional

__all__ = ["ImageFolder", "download_fashion", "functional"]

STALL_SECONDS = 20.0


def download_fashion(folder: Path) -> None:
    """Let torchvision download Fashion-MNIST below `folder`; OSError when it cannot."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)
    try:
        FashionMNIST(str(folder), download=True)
    except RuntimeError as error:
        raise OSError(str(error)) from error
    finally:
        socket.setdefaulttimeout(before)
