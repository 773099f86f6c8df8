"""Score a network on images it has not seen, and say how fast that went."""

import time
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from msgspec import Struct
from torch import nn

from proxyless_nas.progress import progress_bar
from training.datasets import Batch, Exam
from training.device import compute_exactly, keep_freed_memory
from training.watch import Pace, Watch
from training.workers import Alone, Workers

ALONE = Alone()


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


@torch.inference_mode()
def evaluate(network: nn.Module, batches: Iterable[Batch], workers: Workers = ALONE) -> Evaluation:
    """Run `network` in eval mode over batches of ([B, C, H, W], [B]); its mode is restored.

    Each of several workers brings its own images, and all get the score on all of them. Counts
    stay on the device of the images until the end, so a GPU is never waited for.
    """
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    counts = torch.zeros(4, dtype=torch.float64, device=device)  # images, right, right5, loss
    for x, y in batches:
        logits = network(x)
        best = logits.topk(min(5, logits.shape[1]), dim=1).indices
        hits = best == y[:, None]
        loss = F.cross_entropy(logits.float(), y, reduction="sum")
        seen = torch.full_like(loss, len(y))
        counts += torch.stack([seen, hits[:, 0].sum(), hits.any(dim=1).sum(), loss])
    network.train(was_training)
    images, right, right5, loss = workers.sum(counts).tolist()
    if images == 0:
        raise ValueError("nothing to evaluate: the image set is empty")
    return Evaluation(right / images, right5 / images, loss / images, int(images))


def evaluate_timed(
    network: nn.Module, exam: Exam, batch_size: int, device: torch.device
) -> tuple[Evaluation, Pace]:
    """Move `network` to `device`, score it on all test images, and time it.

    On a terminal a progress bar shows the time left.
    """
    if device.type == "cpu":
        keep_freed_memory()
    compute_exactly()
    network.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    watch = Watch(exam.test_batches(batch_size, device), device)
    steps = -(-len(exam.test) // batch_size)
    start = time.perf_counter()
    bar = progress_bar(watch, "evaluate", steps, unit="batch", leave=False)
    result = evaluate(network, bar)
    return result, Pace(result.images, time.perf_counter() - start, watch.waited)
