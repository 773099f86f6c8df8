"""Which network an analysis looks at, with which weights, and on which images."""

from pathlib import Path
from typing import Annotated

from msgspec import Struct
from torch import nn

from proxyless_nas.command import short
from proxyless_nas.subject import Subject, load_its_weights, open_subject
from training.datasets import (
    DatasetName,
    Exam,
    Interpolation,
    NormalisationName,
    Reading,
    open_dataset,
    open_test,
    usual_dataset,
)


class SubjectConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network as it is described, without weights."""

    arch: Annotated[str, short("a")]
    """The network: a file (ours, the original's, or YAML), a published name, one of torchvision's,
    or module:function, code of your own that makes one (with --resolution and --num-classes)."""
    num_classes: int | None = None
    """Classes that it tells apart; default: the network's."""
    resolution: int | None = None
    """Side of the input in pixels; default: the network's."""

    def subject(self) -> Subject:
        """The network; names, files and errors as for `open_subject`."""
        return open_subject(self.arch, self.resolution, self.num_classes)


class NetworkConfig(SubjectConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network, and its weights where it has some."""

    weights: str | None = None
    """Its weights; default: the weights.pt beside the file, else fresh ones."""
    pretrained: bool = False
    """Take the published weights of its name."""


class ImagesConfig(NetworkConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network, and images that it is shown: some training images, never those of the test set."""

    path: Annotated[str | None, short("p")] = None
    """The data, as for main.py: the folder that holds train/ and val/, CIFAR-10 in any form,
    Fashion-MNIST's folder; without it the known places are tried."""
    dataset: Annotated[DatasetName | None, short("d")] = None
    """Which data; default: told from the network, as by eval.py."""
    limit: int = 500
    """How many images, as evenly from all classes as can be."""
    held_out: int | None = None
    """Take them from those that main.py --held-out keeps from training, with the same --seed."""
    seed: int = 0
    """Which of the training images."""
    normalise: NormalisationName | None = None
    """Mean and deviation of pixels (half: 0.5 and 0.5); default: the dataset's own."""
    interpolation: Interpolation | None = None
    """How image files are scaled; default: bilinear."""
    centre: float | None = None
    """Share of an image file's shorter side that is looked at; default: 0.875."""
    batch_size: Annotated[int, short("b")] = 64
    """Images per step."""
    workers: Annotated[int | None, short("j")] = None
    """Processes that decode image files; default: one per core, at most 16."""

    @property
    def kept_apart(self) -> int:
        """How many training images nobody else may learn from."""
        return self.held_out or self.limit


class Opened(Struct, frozen=True):
    """A network with its weights; `fresh` where it has learned nothing."""

    subject: Subject
    network: nn.Module
    fresh: bool

    @property
    def name(self) -> str:
        """What people call it, and whether it has learned."""
        return f"{self.subject.name}, fresh weights" if self.fresh else self.subject.name


def opened(config: NetworkConfig) -> Opened:
    """The network of a config. Errors as in `open_subject` and `load_its_weights`."""
    subject = config.subject()
    network = subject.build(seed=0)
    fresh = not (config.weights or config.pretrained or _has_weights_beside(config.arch))
    if not fresh:
        load_its_weights(network, config.arch, config.weights)
    return Opened(subject, network, fresh)


def opened_trained(config: NetworkConfig) -> Opened:
    """The same; ValueError where it has learned nothing."""
    source = opened(config)
    if source.fresh:
        raise ValueError(f"{source.name} has learned nothing: give --weights, or --pretrained")
    return source


def images_of(config: ImagesConfig, subject: Subject) -> Exam:
    """Some training images, as the `test` part of what is returned.

    ValueError where they do not suit the network, or where there are not so many.
    """
    return images_and_others(config, subject)[0]


def images_and_others(config: ImagesConfig, subject: Subject) -> tuple[Exam, int]:
    """The same, and how many other training images there are to learn from."""
    data = open_dataset(*_source(config, subject))
    data.must_fit(subject.input, subject.classes)
    if config.held_out is None and config.limit == len(data.train):
        return Exam(name=data.name, class_names=data.class_names, test=data.train), 0
    kept = data.split(config.kept_apart, config.seed)
    exam = Exam(name=data.name, class_names=data.class_names, test=kept.test)
    return exam.limited(config.limit), len(data.train) - config.kept_apart


def exam_of(config: ImagesConfig, subject: Subject, limit: int | None) -> Exam:
    """The test images, or so many of them. ValueError where they do not suit the network."""
    exam = open_test(*_source(config, subject), limit)
    exam.must_fit(subject.input, subject.classes)
    return exam


def _source(config: ImagesConfig, subject: Subject) -> tuple[DatasetName, str | None, Reading]:
    """Which data, where it is, and how it is read."""
    reading = Reading(
        resolution=subject.input.height,
        normalise=config.normalise,
        interpolation=config.interpolation,
        centre=config.centre,
        workers=config.workers,
    )
    name = config.dataset or usual_dataset(subject.input, subject.classes)
    return name, config.path, reading


def _has_weights_beside(arch: str) -> bool:
    return Path(arch).is_file() and Path(arch).with_name("weights.pt").is_file()
