"""Score a network on images it has not seen."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from msgspec import Struct
from torch import Tensor, nn


class Evaluation(Struct, frozen=True):
    """Fractions (0 to 1) of right first and first-five answers, mean cross-entropy, image count."""

    top1: float
    top5: float
    loss: float
    images: int


@torch.inference_mode()
def evaluate(network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> Evaluation:
    """Run `network` in eval mode over batches of ([B, C, H, W], [B]); its mode is restored."""
    was_training = network.training
    network.eval()
    images, right, right5, loss = 0, 0, 0, 0.0
    for x, y in batches:
        logits = network(x)
        best = logits.topk(min(5, logits.shape[1]), dim=1).indices
        hits = best == y[:, None]
        right += int(hits[:, 0].sum())
        right5 += int(hits.any(dim=1).sum())
        loss += float(F.cross_entropy(logits, y, reduction="sum"))
        images += len(y)
    network.train(was_training)
    if images == 0:
        raise ValueError("nothing to evaluate: the image set is empty")
    return Evaluation(right / images, right5 / images, loss / images, images)
