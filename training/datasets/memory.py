"""Images held in memory as bytes; a whole batch is cut out and augmented at once."""

from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor

from proxyless_nas import Shape
from training.datasets.augment import mirror_and_move
from training.datasets.chance import generator
from training.datasets.images import Batch, Images
from training.datasets.normalisation import Normalisation
from training.datasets.order import Order


class MemoryImages(Images):
    """uint8 pixels [N, C, H, W] and labels int64 [N]."""

    def __init__(self, pixels: Tensor, labels: Tensor, normalisation: Normalisation) -> None:
        super().__init__(labels, Shape(*pixels.shape[1:]), normalisation)
        self.pixels = pixels

    def subset(self, indices: Tensor) -> Self:
        return type(self)(self.pixels[indices], self.labels[indices], self.normalisation)

    def draw(self, order: Order, step: int, flip: bool, shift: int) -> Iterator[Batch]:
        for pick in order.picks(step):
            chance = generator(order.seed, "augment", pick.step)
            pixels = torch.from_numpy(self.pixels.numpy().take(pick.indices.numpy(), axis=0))
            yield mirror_and_move(pixels, flip, shift, chance), self.labels[pick.indices]

    def read(self, batch_size: int, pinned: bool) -> Iterator[Batch]:
        parts = zip(self.pixels.split(batch_size), self.labels.split(batch_size), strict=True)
        for pixels, labels in parts:
            yield (pixels.pin_memory(), labels.pin_memory()) if pinned else (pixels, labels)
