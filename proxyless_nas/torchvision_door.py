"""The only way to torchvision, open also where its wheel and torch's do not match.

torchvision's wheel from PyPI is built for CUDA. Beside a CPU build of torch its compiled part
cannot be loaded, and then the import fails because two operators that we never call are unknown
to torch. Declaring them, without code behind them, lets everything written in Python work.

The import takes seconds: import this file only where torchvision is really needed.
"""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from proxyless_nas.layer import Shape

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

__all__ = [
    "classifier_names",
    "classifier_shape",
    "make_classifier",
    "pretrained_state",
    "torchvision",
]


def classifier_names() -> list[str]:
    """The classification networks that torchvision can make, by name."""
    return torchvision.models.list_models(module=torchvision.models)


def make_classifier(name: str, classes: int = 1000, dropout: float | None = None) -> nn.Module:
    """torchvision's network of this name with fresh weights, [B, 3, H, W] -> [B, classes].

    googlenet and inception_v3 have more heads, which work in training mode only. ValueError for a
    `dropout` where the network has none to set.
    """
    options = {} if dropout is None else {"dropout": dropout}
    with warnings.catch_warnings():  # two of them announce another initialisation for the future
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return torchvision.models.get_model(name, weights=None, num_classes=classes, **options)
        except TypeError as error:
            if "dropout" not in str(error):
                raise
            raise ValueError(f"torchvision's {name} takes no --dropout") from error


def pretrained_state(name: str) -> dict[str, Tensor]:
    """torchvision's own weights of this network, downloaded once into torch.hub's folder.

    OSError when they cannot be downloaded: it says which file belongs where.
    """
    weights = torchvision.models.get_model_weights(name)["DEFAULT"]
    try:
        return weights.get_state_dict(progress=True, check_hash=True)
    except OSError as error:
        folder = Path(torch.hub.get_dir(), "checkpoints")
        raise OSError(
            f"cannot download {weights.url} ({error})\n"
            f"get it in another way, put it into {folder} and try again"
        ) from error


def classifier_shape(name: str) -> Shape:
    """The images on which torchvision scores its own weights of this network, without a batch."""
    preset = torchvision.models.get_model_weights(name)["DEFAULT"].transforms()
    return Shape(3, *preset.crop_size * 2)
