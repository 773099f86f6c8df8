"""What every set of images can do, wherever the pixels live: be cut, streamed, and read once."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Self

import torch
from msgspec import Struct
from torch import Tensor

from proxyless_nas import Shape
from training.datasets.normalisation import Normalisation
from training.datasets.order import Order

Batch = tuple[Tensor, Tensor]
"""Images [B, C, H, W] and labels int64 [B]."""
CPU = torch.device("cpu")


class Images(ABC):
    """Labelled images of one shape, decoded to uint8 on demand."""

    def __init__(self, labels: Tensor, shape: Shape, normalisation: Normalisation) -> None:
        self.labels = labels
        self.shape = shape
        self.normalisation = normalisation

    @abstractmethod
    def subset(self, indices: Tensor) -> Self:
        """Only the images at `indices`, in that order."""

    @abstractmethod
    def draw(self, order: Order, step: int, flip: bool, shift: int) -> Iterator[Batch]:
        """Augmented uint8 batches from `step` on, without end."""

    @abstractmethod
    def read(self, batch_size: int, pinned: bool) -> Iterator[Batch]:
        """Every image once as uint8, in order, not augmented; the last batch may be smaller.

        `pinned` batches lie where a GPU can fetch them while the host goes on.
        """

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, batch_size: int, seed: int, flip: bool = True, shift: int = 0) -> "Batches":
        """A training stream: shuffled, mirrored at random, moved by up to `shift` pixels."""
        if not 0 <= shift < min(self.shape.height, self.shape.width):
            raise ValueError(f"shift {shift} does not fit images of {self.shape}")
        return Batches(self, Order(len(self), batch_size, seed), flip, shift)

    def evaluation_batches(self, batch_size: int, device: torch.device = CPU) -> Iterator[Batch]:
        """Every image exactly once, normalised, in order, not augmented, on `device`.

        Bytes travel to the device, a quarter of what numbers would weigh, and are normalised there.
        """
        if batch_size < 1:
            raise ValueError(f"batch size {batch_size} is below 1")
        return self._sent(batch_size, device, pinned=device.type == "cuda")

    def _sent(self, batch_size: int, device: torch.device, pinned: bool) -> Iterator[Batch]:
        for pixels, labels in self.read(batch_size, pinned):
            pixels = pixels.to(device, non_blocking=pinned)
            yield self.normalisation.apply(pixels), labels.to(device, non_blocking=pinned)


class Batches(Struct, frozen=True, eq=False):
    """A training stream that can be entered at any step.

    The batch of a step depends on the seed and the step alone, so a run resumed at step k sees
    exactly what an unbroken run would have seen.
    """

    images: Images
    order: Order
    flip: bool
    shift: int

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in one pass over the images."""
        return self.order.steps_per_epoch

    def stream(self, step: int = 0) -> Iterator[Batch]:
        """Batches of `step` and of every step after it: float32 [B, C, H, W] channels last, [B]."""
        for pixels, labels in self.images.draw(self.order, step, self.flip, self.shift):
            yield self.images.normalisation.apply(pixels), labels
