"""Score a network on images it has not seen, and say how fast that went."""

import time
from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from msgspec import Struct
from torch import Tensor, nn

from proxyless_nas.progress import progress_bar
from training.datasets import Batch, Exam
from training.device import keep_freed_memory


class Evaluation(Struct, frozen=True):
    """Fractions (0 to 1) of right first and first-five answers, mean cross-entropy, image count."""

    top1: float
    top5: float
    loss: float
    images: int

    @property
    def right(self) -> int:
        """Images whose first answer was right."""
        return round(self.top1 * self.images)

    @property
    def right5(self) -> int:
        """Images with the right answer among the first five."""
        return round(self.top5 * self.images)


class Pace(Struct, frozen=True):
    """How long an evaluation took from the first request for images to the last answer."""

    images: int
    seconds: float
    waited: float
    """Seconds of those in which the network had nothing to do, for want of images."""

    @property
    def images_per_second(self) -> float:
        """End to end: reading, decoding, the network, counting."""
        return self.images / self.seconds


@torch.inference_mode()
def evaluate(network: nn.Module, batches: Iterable[Batch]) -> Evaluation:
    """Run `network` in eval mode over batches of ([B, C, H, W], [B]); its mode is restored.

    Counts stay on the device of the images until the end, so a GPU is never waited for.
    """
    was_training = network.training
    network.eval()
    images = 0
    right: Tensor | int = 0
    right5: Tensor | int = 0
    loss: Tensor | float = 0.0
    for x, y in batches:
        logits = network(x)
        best = logits.topk(min(5, logits.shape[1]), dim=1).indices
        hits = best == y[:, None]
        right = hits[:, 0].sum() + right
        right5 = hits.any(dim=1).sum() + right5
        loss = F.cross_entropy(logits, y, reduction="sum").double() + loss
        images += len(y)
    network.train(was_training)
    if images == 0:
        raise ValueError("nothing to evaluate: the image set is empty")
    return Evaluation(int(right) / images, int(right5) / images, float(loss) / images, images)


def evaluate_timed(
    network: nn.Module, exam: Exam, batch_size: int, device: torch.device
) -> tuple[Evaluation, Pace]:
    """Move `network` to `device`, score it on all test images, and time it.

    On a terminal a progress bar shows the time left.
    """
    if device.type == "cpu":
        keep_freed_memory()
    network.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    watch = _Watch(exam.test_batches(batch_size, device), device)
    steps = -(-len(exam.test) // batch_size)
    start = time.perf_counter()
    bar = progress_bar(watch, "evaluate", steps, unit="batch", leave=False)
    result = evaluate(network, bar)
    return result, Pace(result.images, time.perf_counter() - start, watch.waited)


class _Watch:
    """Passes batches on and counts the seconds that each let the network wait."""

    def __init__(self, batches: Iterable[Batch], device: torch.device) -> None:
        self.batches, self.device = batches, device
        self.waited = 0.0

    def __iter__(self) -> Iterator[Batch]:
        batches = iter(self.batches)
        while True:
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)  # a busy GPU does not wait
            start = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - start
            if batch is None:
                return
            yield batch
