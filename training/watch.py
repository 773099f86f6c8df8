"""How fast images go through a network, and for how long it waited for them."""

import time
from collections.abc import Iterable, Iterator

import torch
from msgspec import Struct

from training.datasets import Batch


class Pace(Struct, frozen=True):
    """How long some work took from the first request for images to the last answer."""

    images: int
    seconds: float
    waited: float
    """Seconds of those in which the network had nothing to do, for want of images."""

    @property
    def images_per_second(self) -> float:
        """End to end: reading, decoding, the network, counting."""
        return self.images / self.seconds


class Watch:
    """Passes batches on and counts the seconds that each let the network wait.

    A GPU is first given the time to finish what it was asked for: a busy one does not wait. That
    stops the host at every batch; give the CPU as `device` to count what the host waits for.
    """

    def __init__(self, batches: Iterable[Batch], device: torch.device) -> None:
        self.batches, self.device = batches, device
        self.waited = 0.0

    def __iter__(self) -> Iterator[Batch]:
        batches = iter(self.batches)
        while True:
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
            start = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - start
            if batch is None:
                return
            yield batch
