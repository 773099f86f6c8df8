"""Batch-norm statistics: estimate them anew, or use a batch's own without recording it."""

import contextlib
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn


def batch_norms(module: nn.Module) -> list[nn.BatchNorm2d]:
    """All batch norms below `module`."""
    return [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]


def statistics(module: nn.Module) -> list[Tensor]:
    """What moves with the images that are learnt: running means and variances of all batch norms
    below `module`, and the buffers that another part's class names as its `moves`."""
    running = [(norm.running_mean, norm.running_var) for norm in batch_norms(module)]
    found = [tensor for pair in running for tensor in pair if tensor is not None]
    others = [
        getattr(part, name) for part in module.modules() for name in getattr(part, "moves", ())
    ]
    return [*found, *others]


@torch.no_grad()
def reestimate(network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Replace running statistics by the plain average over `batches` ([B, C, H, W], labels).

    Only batch norms are in train mode: statistics are those of the network without dropout.
    """
    norms = batch_norms(network)
    momenta = [norm.momentum for norm in norms]
    was_training = network.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    network.eval()
    for norm in norms:
        norm.train()
    for x, _ in batches:
        network(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train(was_training)


@contextlib.contextmanager
def unrecorded(norms: list[nn.BatchNorm2d]) -> Iterator[None]:
    """Within, batch norms in train mode use the batch's statistics and leave their own alone."""
    plain = [vars(norm) for norm in norms]  # past Module.__setattr__, which is slow
    for attributes in plain:
        attributes["track_running_stats"] = False
    try:
        yield
    finally:
        for attributes in plain:
            attributes["track_running_stats"] = True
