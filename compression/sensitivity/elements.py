"""Sensitivity of elements: the smallest of one tensor at a time become zero."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import torch
from torch import nn

from compression.masks.methods import Level
from compression.selectors import Where
from compression.sensitivity.found import Sensitivity
from compression.sensitivity.loop import SHARES, Judge, Wanted, digest_of, try_all


def analyse_elements(
    network: nn.Module,
    where: Where,
    judge: Judge,
    file: Path,
    images: str,
    shares: Sequence[float] = SHARES,
) -> Sensitivity:
    """Try every share of every tensor of a plain network, and write each result into `file`.

    As many of the smallest elements become zero as the method `level` takes: a share, rounded down.
    What stands in the file is not tried again. `images` says what `judge` looks at. ValueError
    where the file is of another network, another analysis, or other images.
    """
    names = [f"{layer}.{own}".removeprefix(".") for layer, own in where.tensors(network)]
    wanted = [
        Wanted(name, share, Level(share=share).gone(network.get_parameter(name).numel()))
        for name in names
        for share in shares
    ]

    def smaller(one: Wanted) -> nn.Module:
        copy = deepcopy(network)
        weight = copy.get_parameter(one.group)
        whole = torch.ones_like(weight, dtype=torch.bool)
        with torch.no_grad():
            weight.mul_(Level(share=one.share).mask(weight, whole))
        return copy

    digest = digest_of(network, images, [b"elements by level"])
    return try_all(network, "elements", digest, wanted, smaller, judge, file)
