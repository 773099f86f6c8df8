"""Images held in memory as bytes; a whole batch is cut out and augmented at once."""

from collections.abc import Iterator
from typing import Self

import torch
from msgspec.structs import replace
from torch import Tensor

from proxyless_nas import Shape
from training.datasets import changes
from training.datasets.augmentation import LEAST_SCALE, Augmentation
from training.datasets.chance import generator
from training.datasets.images import Batch, Images
from training.datasets.normalisation import Normalisation
from training.datasets.order import Order, Share


class MemoryImages(Images):
    """uint8 pixels [N, C, H, W] and labels int64 [N].

    The channels of a pixel are kept beside each other, as networks want them, so that batches
    need not be turned over one by one. Where `mirrors` is false no image is ever mirrored.
    """

    def __init__(
        self, pixels: Tensor, labels: Tensor, normalisation: Normalisation, mirrors: bool = True
    ) -> None:
        super().__init__(labels, Shape(*pixels.shape[1:]), normalisation)
        self.mirrors = mirrors
        self.pixels = pixels.contiguous(memory_format=torch.channels_last)

    def subset(self, indices: Tensor) -> Self:
        pixels, labels = self.pixels[indices], self.labels[indices]
        return type(self)(pixels, labels, self.normalisation, self.mirrors)

    def must_take(self, augmentation: Augmentation) -> None:
        if augmentation.shift >= min(self.shape.height, self.shape.width):
            raise ValueError(f"shift {augmentation.shift} does not fit images of {self.shape}")
        if augmentation.scale != LEAST_SCALE:
            raise ValueError(
                f"scale {augmentation.scale} is for image files: images of one size are not "
                f"cropped but moved, by up to `shift` pixels"
            )

    def draw(
        self, order: Order, step: int, augmentation: Augmentation, share: Share, pinned: bool
    ) -> Iterator[Batch]:
        augmentation = replace(augmentation, flip=augmentation.flip and self.mirrors)
        interleaved = self.pixels.permute(0, 2, 3, 1).numpy()
        for pick in order.picks(step):
            chance = generator(order.seed, "augment", pick.step)
            drawn = changes.draw(
                augmentation, order.batch_size, self.shape, self.normalisation, chance
            )
            for part in share.parts(order.batch_size):
                indices = pick.indices[part]
                pixels = changes.apply(drawn, interleaved.take(indices.numpy(), axis=0), part)
                pixels = torch.from_numpy(pixels).permute(0, 3, 1, 2)
                yield _placed(pixels, self.labels[indices], pinned)

    def read(self, batch_size: int, pinned: bool) -> Iterator[Batch]:
        parts = zip(self.pixels.split(batch_size), self.labels.split(batch_size), strict=True)
        for pixels, labels in parts:
            yield _placed(pixels, labels, pinned)


def _placed(pixels: Tensor, labels: Tensor, pinned: bool) -> Batch:
    return (pixels.pin_memory(), labels.pin_memory()) if pinned else (pixels, labels)
