"""What every set of images can do, wherever the pixels live: be cut, streamed, and read once."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Self

import torch
from msgspec import Struct
from torch import Tensor

from proxyless_nas import Shape
from training.datasets.augmentation import USUAL_AUGMENTATION, Augmentation
from training.datasets.normalisation import Normalisation
from training.datasets.order import WHOLE, Order, Share

Batch = tuple[Tensor, Tensor]
"""Images [B, C, H, W] and labels int64 [B]."""
CPU = torch.device("cpu")


def images_in(batches: Iterable[Batch]) -> Tensor:
    """[N, C, H, W], of all batches in one."""
    return torch.cat([x for x, _ in batches])


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
    def must_take(self, augmentation: Augmentation) -> None:
        """ValueError that names what does not apply to images of this kind."""

    @abstractmethod
    def draw(
        self, order: Order, step: int, augmentation: Augmentation, share: Share, pinned: bool
    ) -> Iterator[Batch]:
        """Augmented uint8 batches from `step` on, one for each pass of `share`, without end.

        What happens to an image does not depend on the share. `pinned` is as for `read`.
        """

    @abstractmethod
    def read(self, batch_size: int, pinned: bool) -> Iterator[Batch]:
        """Every image once as uint8, in order, not augmented; the last batch may be smaller.

        `pinned` batches lie where a GPU can fetch them while the host goes on.
        """

    def __len__(self) -> int:
        return len(self.labels)

    def batches(
        self,
        batch_size: int,
        seed: int,
        augmentation: Augmentation = USUAL_AUGMENTATION,
        share: Share = WHOLE,
    ) -> "Batches":
        """A training stream of shuffled images, changed at random.

        Every step sees `batch_size` images over all workers, of which `share` is seen here.
        ValueError when the images, the augmentation and the share do not go together.
        """
        self.must_take(augmentation)
        share.parts(batch_size)
        return Batches(self, Order(len(self), batch_size, seed), augmentation, share)

    def evaluation_batches(self, batch_size: int, device: torch.device = CPU) -> Iterator[Batch]:
        """Every image exactly once, normalised, in order, not augmented, on `device`.

        Bytes travel to the device, a quarter of what numbers would weigh, and are normalised there.
        """
        if batch_size < 1:
            raise ValueError(f"batch size {batch_size} is below 1")
        if not len(self):
            return iter(())  # a worker may have no part in a small set
        return self.sent(self.read(batch_size, _fetches(device)), device)

    def sent(self, batches: Iterator[Batch], device: torch.device) -> Iterator[Batch]:
        """uint8 batches, moved to `device` (from pinned memory to a GPU) and normalised there."""
        for pixels, labels in batches:
            pixels = pixels.to(device, non_blocking=_fetches(device))
            labels = labels.to(device, non_blocking=_fetches(device))
            yield self.normalisation.apply(pixels), labels


def _fetches(device: torch.device) -> bool:
    """Whether `device` fetches pinned batches while the host goes on."""
    return device.type == "cuda"


class Batches(Struct, frozen=True, eq=False):
    """A training stream that can be entered at any step.

    The images of a step depend on the seed and the step alone: a run resumed at step k sees
    exactly what an unbroken run would have seen, and the shares of all workers put together are
    what one worker alone would have seen.
    """

    images: Images
    order: Order
    augmentation: Augmentation
    share: Share

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in one pass over the images."""
        return self.order.steps_per_epoch

    def stream(self, step: int = 0, device: torch.device = CPU) -> Iterator[Batch]:
        """Batches of `step` and of all steps after it, one per pass of the share, on `device`.

        float32 [B, C, H, W], normalised, channels last, and labels int64 [B], where B is
        batch_size / (workers * passes).
        """
        drawn = self.images.draw(
            self.order, step, self.augmentation, self.share, pinned=_fetches(device)
        )
        return self.images.sent(drawn, device)
