"""Whether what was found should learn: where images of the search say that too much was lost."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from proxyless_nas.counting import in_eval_mode
from search.auto.given import Given
from training.datasets import Batch
from training.words import counted

EPOCHS = 15
"""Where nobody says how many."""


def epochs_of(given: Given, network: nn.Module) -> int:
    """In how many epochs `network`, which was found and has not learned, is to learn: as many as
    were asked for; where none were, none or 15.

    It learns where it has lost more than may be lost, by more than the standard error with which
    so few images know that.
    """
    if given.config.epochs is not None:
        return given.config.epochs
    lost, error = points_lost(given.whole, network, given.judged)
    if not given.tunable or lost - error <= given.goal.drop:
        return 0
    print(
        f"{lost:.1f} (+- {error:.1f}) points of accuracy are lost on images of the search, and "
        f"{given.goal.drop:g} may be: {counted(EPOCHS, 'epoch')} of tuning (--epochs 0: none)"
    )
    return EPOCHS


def points_lost(
    whole: nn.Module, other: nn.Module, batches: Sequence[Batch]
) -> tuple[float, float]:
    """Points of top-1 between two networks on the same images, and the standard error of that."""
    before, after = _right(whole, batches), _right(other, batches)
    apart = 100 * (before - after)
    return float(apart.mean()), float(apart.std(correction=0)) / math.sqrt(len(apart))


@torch.no_grad()
def _right(network: nn.Module, batches: Sequence[Batch]) -> Tensor:
    """[images], 1 where the network knows the class."""
    with in_eval_mode(network):
        return torch.cat([(network(x).argmax(dim=1) == y).double() for x, y in batches])
