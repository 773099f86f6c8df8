"""Tune any narrower network with the same budget, optimizer and batches, and score it."""

import time
from copy import deepcopy
from itertools import islice

import torch
from msgspec import Struct
from msgspec.structs import replace
from torch import nn

from proxyless_nas.subject import Subject
from training.batch_norm import reestimate
from training.config import TrainConfig
from training.datasets import Dataset
from training.evaluate import Evaluation, evaluate
from training.learner import Learner, Manner
from training.loop import Loop
from training.optimizer import sgd
from training.plan import Plan, make_plan
from training.prepare import batches_of, changes_of, loss_of
from training.workers import Alone

ALONE = Alone()
AT_ONCE = 500
STATISTICS = 50
"""Steps whose images batch-norm statistics are estimated on."""


class Cell(Struct, frozen=True, forbid_unknown_fields=True):
    """One network under one seed: how good it was on test images, and how long it was tuned."""

    pruned: Evaluation
    reestimated: Evaluation
    tuned: Evaluation
    seconds: float


class School(Struct, frozen=True, eq=False):
    """What all networks are tuned on, and how."""

    subject: Subject
    data: Dataset
    config: TrainConfig

    def score(self, network: nn.Module) -> Evaluation:
        """On all test images."""
        return evaluate(network, self.data.test_batches(AT_ONCE))

    def cell(self, network: nn.Module, seed: int) -> Cell:
        """Score a copy of `network` as it is, with new statistics, and tuned.

        Batches and augmentation follow from the seed; so they are the same for every network.
        """
        config = replace(self.config, seed=seed)
        plan = make_plan(config, len(self.data.train), ALONE)
        batches = batches_of(config, self.data, plan, ALONE)
        adapted, learning = deepcopy(network), deepcopy(network)
        reestimate(adapted, islice(batches.stream(), STATISTICS))
        learner = self._learner(learning, config, plan)
        begin = time.perf_counter()
        loop = Loop(learner, plan, config, batches, self.data.test, None)
        loop.run()
        seconds = time.perf_counter() - begin
        return Cell(self.score(network), self.score(adapted), loop.finish(), seconds)

    def _learner(self, network: nn.Module, config: TrainConfig, plan: Plan) -> Learner:
        optimizer = sgd(network, plan.peak_lr, config.momentum, config.wd, nesterov=config.nesterov)
        manner = Manner(
            loss=loss_of(config, self.subject, torch.device("cpu")),
            changes=changes_of(config, self.subject, channels_last=False),
            precision=config.precision,
            clip_norm=config.clip_norm,
            ema=config.ema,
            fp16_allreduce=config.fp16_allreduce,
            compile=config.compile,
            passes=plan.passes,
            seed=config.seed,
        )
        return Learner(network, optimizer, manner, ALONE)
