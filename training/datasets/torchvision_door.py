"""The only file that imports torchvision, also where its wheel and torch's do not match.

torchvision's wheel from PyPI is built for CUDA. Beside a CPU build of torch its compiled part
cannot be loaded, and then the import fails because two operators that we never call are unknown
to torch. Declaring them, without code behind them, lets everything written in Python work.
"""

import socket
from collections.abc import Callable
from pathlib import Path

import torch

_MISSING = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[torch.library.Library] = []  # torch forgets a declaration with its library

try:
    import torchvision
except RuntimeError as error:
    if "torchvision::nms" not in str(error):
        raise
    _declared.append(torch.library.Library("torchvision", "DEF"))
    for schema in _MISSING:
        _declared[0].define(schema)
    import torchvision

from torchvision.datasets import CIFAR10, FashionMNIST  # noqa: E402
from torchvision.datasets.utils import download_and_extract_archive  # noqa: E402
from torchvision.transforms.v2 import functional  # noqa: E402

__all__ = ["CIFAR10", "download_cifar10", "download_fashion", "functional", "torchvision"]

STALL_SECONDS = 20.0


def download_fashion(folder: Path) -> None:
    """Let torchvision download Fashion-MNIST below `folder`; OSError when it cannot."""
    _patiently(lambda: FashionMNIST(str(folder), download=True))


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
