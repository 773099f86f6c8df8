"""A dataset: images to learn from, images to be judged by, and what they have in common."""

from collections.abc import Callable, Iterator
from typing import Self

import torch
from msgspec import Struct
from msgspec.structs import replace

from proxyless_nas import Shape
from training.datasets.augmentation import USUAL_AUGMENTATION, Augmentation
from training.datasets.chance import generator
from training.datasets.images import CPU, Batch, Batches, Images
from training.datasets.order import WHOLE, Share
from training.datasets.split import balanced, others


class Source(Struct, frozen=True, kw_only=True, eq=False):
    """A dataset that was found but not read: calling a half opens it."""

    name: str
    class_names: tuple[str, ...]
    train: Callable[[], Images]
    test: Callable[[], Images]


class Exam(Struct, frozen=True, kw_only=True, eq=False):
    """Test images, and the classes that they are told apart by."""

    name: str
    class_names: tuple[str, ...]
    test: Images

    @property
    def shape(self) -> Shape:
        """The shape of one image."""
        return self.test.shape

    @property
    def classes(self) -> int:
        """Number of classes; labels lie below it."""
        return len(self.class_names)

    def must_fit(self, input: Shape, classes: int) -> None:
        """ValueError unless a network with this input and so many classes suits the data."""
        if (input, classes) != (self.shape, self.classes):
            raise ValueError(
                f"the network takes {input} and tells {classes} classes apart, but {self.name} "
                f"has images of {self.shape} and {self.classes} classes"
            )

    def limited(self, count: int) -> Self:
        """Only `count` test images (or all there are), balanced by class."""
        return replace(self, test=_first(self.test, count))

    def test_batches(self, batch_size: int, device: torch.device = CPU) -> Iterator[Batch]:
        """Every test image once; see `Images.evaluation_batches`."""
        return self.test.evaluation_batches(batch_size, device)


class Dataset(Exam, frozen=True, kw_only=True, eq=False):
    """Training images beside test images of the same shape and classes."""

    train: Images

    def limited(self, count: int) -> Self:
        """Only `count` training and `count` test images (or all there are), balanced by class."""
        return replace(super().limited(count), train=_first(self.train, count))

    def split(self, held_out: int, seed: int) -> Self:
        """The training images divided in two: `test` is the held-out part, `train` the rest.

        Balanced by class and the same for the same seed. The real test images are not in it, so
        whoever searches or tunes with it cannot look at them.
        """
        labels = self.train.labels
        if not 0 < held_out < len(labels):
            raise ValueError(f"cannot hold {held_out} out of {len(labels)} training images")
        chosen = balanced(labels, held_out, generator(seed, "split"))
        rest = others(chosen, len(labels))
        lost = set(labels.tolist()) - set(labels[rest].tolist())
        if lost:
            raise ValueError(
                f"holding {held_out} images out leaves none to learn class "
                f"{self.class_names[min(lost)]!r} from: hold out fewer"
            )
        return replace(self, train=self.train.subset(rest), test=self.train.subset(chosen))

    def train_batches(
        self,
        batch_size: int,
        seed: int,
        augmentation: Augmentation = USUAL_AUGMENTATION,
        share: Share = WHOLE,
    ) -> Batches:
        """The stream to learn from; see `Images.batches`."""
        return self.train.batches(batch_size, seed, augmentation, share)


def _first(images: Images, count: int) -> Images:
    if count < 1:
        raise ValueError(f"a dataset cannot be limited to {count} images")
    if count >= len(images):
        return images
    return images.subset(balanced(images.labels, count))
