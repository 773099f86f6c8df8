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
from training.loop import Loop
from training.plan import make_plan
from training.prepare import batches_of, learner_of
from training.workers import Alone

ALONE, CPU = Alone(), torch.device("cpu")
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
        learner = learner_of(config, self.subject, learning, plan, CPU, ALONE)
        begin = time.perf_counter()
        loop = Loop(learner, plan, config, batches, self.data.test, None)
        loop.run()
        seconds = time.perf_counter() - begin
        _, tuned = loop.finish()
        return Cell(self.score(network), self.score(adapted), tuned, seconds)
