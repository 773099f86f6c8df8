"""A small network without batch statistics, images for it, and a learner around it."""

from typing import Any

import torch
from torch import nn

from training.learner import Learner, Manner
from training.losses import LabelLoss
from training.optimizer import sgd
from training.plan import Plan
from training.schedule import named_schedule
from training.workers import Alone, Workers

USUAL: dict[str, Any] = {
    "changes": [],
    "precision": "float32",
    "clip_norm": None,
    "ema": None,
    "fp16_allreduce": False,
    "compile": False,
    "passes": 1,
    "seed": 3,
}


def plain_network() -> nn.Module:
    """[B, 3, 8, 8] -> [B, 5]; every image is treated on its own, but for dropout."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Dropout(0.0), nn.Linear(512, 5)
    )


def images(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Random images and labels."""
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 3, 8, 8, generator=chance)
    return x, torch.randint(0, 5, (count,), generator=chance)


def learner(
    network: nn.Module | None = None, workers: Workers | None = None, **how: Any
) -> Learner:
    """With plain cross-entropy and a rate of 0.1, unless told."""
    network = plain_network() if network is None else network
    manner = Manner(**{"loss": LabelLoss(), **USUAL, **how})
    return Learner(network, sgd(network, 0.1, 0.9, 1e-3), manner, workers or Alone())


def short_plan(per_epoch: int, steps: int) -> Plan:
    """8 images per step, in one pass."""
    schedule = named_schedule("cosine", -(-steps // per_epoch), per_epoch, 0.0, 0.0)
    return Plan(8, 1, per_epoch, steps, 0.1, schedule)
