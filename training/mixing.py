"""Changes to whole training batches, as torchvision makes them: erase, mix up, cut and mix."""

from collections.abc import Callable

import torch
from torch import Tensor

from training.datasets import Batch

Change = Callable[[Tensor, Tensor], Batch]
"""Images [B, C, H, W] and labels [B] to images and labels, or probabilities [B, K]."""


def changes(classes: int, erasing: float, mixup: float, cutmix: float) -> list[Change]:
    """The changes that were asked for, in order; draws come from torch's own generator.

    erasing: share of images that lose a random rectangle (Zhong et al. 2020).
    mixup, cutmix: alpha of the Beta distribution from which the share of the other image is drawn
    (Zhang et al. 2018; Yun et al. 2019); of the two, every batch gets one. 0 leaves a change out.
    """
    if not (erasing or mixup or cutmix):
        return []
    from training.datasets.torchvision_door import transforms

    chosen: list[Change] = [_each(transforms.RandomErasing(p=erasing))] if erasing else []
    mixers = []
    if mixup:
        mixers.append(transforms.MixUp(alpha=mixup, num_classes=classes))
    if cutmix:
        mixers.append(transforms.CutMix(alpha=cutmix, num_classes=classes))
    if mixers:
        chosen.append(transforms.RandomChoice(mixers))
    return chosen


def in_planes(x: Tensor, y: Tensor) -> Batch:
    """One channel after the other in memory; images come with their channels last."""
    return x.contiguous(), y


def _each(erase: Callable[[Tensor], Tensor]) -> Change:
    """Every image has a rectangle of its own, filled with zeros: the mean pixel."""

    def change(x: Tensor, y: Tensor) -> Batch:
        erased = torch.stack([erase(image) for image in x])
        return erased.contiguous(memory_format=torch.channels_last), y

    return change
