"""What each number in a layer's answer is made of: its inputs, as columns of a matrix."""

from collections.abc import Iterator
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

NUMBERS = 2**25
"""Numbers of a layer's patches that are kept at a time."""


def patches_of(layer: Any, x: Tensor, answers: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Of some images at a time what each answer is made of [n, inputs, places], and the answers."""
    if not isinstance(layer, nn.Conv2d):
        yield x.reshape(1, -1, x.shape[-1]).mT, answers.reshape(1, -1, answers.shape[-1]).mT
        return
    around = layer._reversed_padding_repeated_twice
    x = F.pad(x, around, "constant" if layer.padding_mode == "zeros" else layer.padding_mode)
    size: Any = layer.kernel_size
    each = x.shape[1] * size[0] * size[1] * answers.shape[2] * answers.shape[3]
    some = max(1, NUMBERS // each)
    for images, there in zip(x.split(some), answers.split(some), strict=True):
        yield (
            F.unfold(images, size, dilation=layer.dilation, stride=layer.stride),  # type: ignore[arg-type]
            there.flatten(2),
        )


def by_group(columns: Tensor, groups: int) -> Tensor:
    """[n, groups * d, places] -> [groups, d, n * places]."""
    n, d, places = columns.shape
    cut = columns.reshape(n, groups, d // groups, places)
    return cut.permute(1, 2, 0, 3).reshape(groups, d // groups, n * places)
