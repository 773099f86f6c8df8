"""The network that is to be pruned, with its images, its channels and their scores."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import torch
from msgspec.structs import replace
from torch import nn

from compression.channels.cut import Chosen, noise, removed
from compression.channels.groups import Channels, find_channels
from compression.importance.base import Scores
from compression.pruning.config import Pruning
from compression.refit import Refitted, repaired
from compression.sensitivity import Sensitivity, analyse
from compression.sensitivity.channels import bytes_of
from compression.sensitivity.found import JSON
from compression.sensitivity.loop import digest_of
from compression.widths import Ranking, ranked
from proxyless_nas.layer import Shape
from proxyless_nas.subject import Subject
from training.batch_norm import reestimate
from training.config import TrainConfig
from training.datasets import Batch, Dataset, Images, images_in
from training.device import keep_freed_memory, pick_device
from training.evaluate import Evaluation, evaluate
from training.prepare import dataset_of, first_network, fitted, subject_of
from training.workers import Alone


class Whole:
    """What a config names, opened once; scores are computed when they are first asked for.

    Networks are judged by training images that were set aside and are not `seen`; the whole
    network may have learned them. Test images are never looked at.
    """

    def __init__(self, config: Pruning) -> None:
        self.config = config
        self.folder = Path(config.out)
        judged = replace(config.train, held_out=config.judged_on)
        self.subject, data, self.device = opened(judged)
        self.network = first_network(config.train, self.subject).eval()
        self.channels = channels_of(config, self.network, self.subject.input)
        self._held_out, self._first = data.test, data.limited(config.seen).train
        self._data = data.name

    @property
    def shape(self) -> Shape:
        """Of an image."""
        return self.subject.input

    @cached_property
    def scores(self) -> Scores:
        """What each channel is worth."""
        network = self.network.to(self.device)
        scores = self.config.score.scores(network, self.channels, list(self._seen()))
        self.network.cpu()
        return scores

    @cached_property
    def ranking(self) -> Ranking:
        """Which channels go first."""
        return ranked(self.scores)

    def without(self, chosen: Chosen, network: nn.Module | None = None) -> nn.Module:
        """The network, or one of its kind, without these channels."""
        network = network or self.network
        return removed(network, self.channels, chosen, noise(self.shape, network))

    def repaired(self, chosen: Chosen) -> tuple[nn.Module, list[Refitted]]:
        """The network with these channels zero, and layers that make up for them on `seen` images;
        how far each is off."""
        network = self.network.to(self.device)
        images = images_in(self._seen())
        now, found = repaired(network, self.channels, chosen, images)
        self.network.cpu()
        return now.cpu(), found

    def sensitivity(self) -> Sensitivity:
        """What `ana` has found, or finds now; nothing is tried twice."""
        config = self.config
        return analyse(
            self.network, self.channels, self.ranking,
            lambda network: self.judge(network, config.recalibrate),
            self.folder / JSON, self._judged_on(config.recalibrate),
            config.shares, config.multiple,
        )  # fmt: skip

    def digest(self, recalibrated: bool) -> str:
        """Tells the network, the order of its channels, and how networks are judged."""
        return digest_of(self.network, self._judged_on(recalibrated), bytes_of(self.ranking))

    def _judged_on(self, recalibrated: bool) -> str:
        images = f"{self._data}, {len(self._held_out)} of seed {self.config.train.seed}"
        return f"{images}, recalibrated on {len(self._first)}" if recalibrated else images

    def judge(self, network: nn.Module, recalibrate: bool = False) -> Evaluation:
        """By the images that were set aside; with `recalibrate` its batch norms change first."""
        network.to(self.device)
        if recalibrate:
            reestimate(network, self._seen())
        return evaluate(network, self._batches(self._held_out))

    def _seen(self) -> Iterator[Batch]:
        """Some training images of all classes, as they are."""
        return self._batches(self._first)

    def _batches(self, images: Images) -> Iterator[Batch]:
        return images.evaluation_batches(self.config.train.val_batch_size, self.device)


def opened(train: TrainConfig) -> tuple[Subject, Dataset, torch.device]:
    """The network that a training is about, its data, and where it runs."""
    device = pick_device("cpu" if train.no_cuda else train.device)
    if device.type == "cpu":
        keep_freed_memory()
    subject = subject_of(train)
    data = dataset_of(train, subject, Alone())
    return fitted(subject, data, train), data, device


def channels_of(config: Pruning, network: nn.Module, shape: Shape) -> Channels:
    """The groups that may lose channels; ValueError where there are none."""
    layers = set(config.where.layers(network))
    return find_channels(network, noise(shape, network)).made_by(layers)
