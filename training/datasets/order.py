"""In which order images are seen: a pure function of the seed and the step."""

from collections.abc import Iterator

import torch
from msgspec import Struct
from torch import Tensor

from training.datasets.chance import generator


class Pick(Struct, frozen=True, eq=False):
    """The images of one step."""

    step: int
    epoch: int
    indices: Tensor


class Order(Struct, frozen=True):
    """Every epoch is a fresh permutation of `count` images, cut into full batches."""

    count: int
    batch_size: int
    seed: int

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size <= self.count:
            raise ValueError(
                f"batch size {self.batch_size} must lie between 1 and the {self.count} images"
            )

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in an epoch; the images left over wait for another epoch."""
        return self.count // self.batch_size

    def picks(self, step: int) -> Iterator[Pick]:
        """The images of `step` and of every step after it, without end."""
        while True:
            epoch, start = divmod(step, self.steps_per_epoch)
            permutation = torch.randperm(self.count, generator=generator(self.seed, "order", epoch))
            whole = permutation[: self.steps_per_epoch * self.batch_size]
            for indices in whole.split(self.batch_size)[start:]:
                yield Pick(step, epoch, indices)
                step += 1
