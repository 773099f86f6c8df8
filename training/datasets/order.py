"""In which order images are seen, and by whom: a pure function of the seed and the step."""

from collections.abc import Iterator

import torch
from msgspec import Struct
from torch import Tensor

from training.datasets.chance import generator


class Share(Struct, frozen=True):
    """Which part of every step's images one worker sees, and in how many passes.

    A step's images are cut into workers * passes equal parts, one after the other; this worker
    sees those from worker * passes on, one part per pass. ValueError for a worker that is not
    among the workers, or for no pass.
    """

    worker: int = 0
    workers: int = 1
    passes: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.worker < self.workers:
            raise ValueError(
                f"worker {self.worker} is not among {self.workers}: they are counted from 0"
            )
        if self.passes < 1:
            raise ValueError(f"{self.passes} passes are less than one")

    def parts(self, batch_size: int) -> list[slice]:
        """Where this worker's images are in a step of `batch_size`, for each of its passes.

        ValueError when such a step cannot be cut into equal parts.
        """
        cuts = self.workers * self.passes
        if batch_size % cuts:
            raise ValueError(
                f"batch size {batch_size} cannot be cut into equal parts for {self.workers} "
                f"workers with {self.passes} passes each: give a multiple of {cuts}"
            )
        size, first = batch_size // cuts, self.worker * self.passes
        return [slice(at * size, (at + 1) * size) for at in range(first, first + self.passes)]


WHOLE = Share()
"""One worker that sees every step's images at once."""


class Pick(Struct, frozen=True, eq=False):
    """The images of one step, of all workers: indices int64 [batch_size]."""

    step: int
    epoch: int
    indices: Tensor


class Order(Struct, frozen=True):
    """Every epoch is a fresh permutation of `count` images, cut into full batches.

    `batch_size` is what a whole step sees, over all workers.
    """

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
