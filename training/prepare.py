"""From a config to what the loop needs: data, network, optimizer, loss, manner of learning."""

import os
from collections.abc import Callable

import torch
from torch import nn

from proxyless_nas import Network, Shape, drop_paths
from proxyless_nas.subject import Subject, load_its_weights, open_subject, start_from
from training.companion import Companion
from training.config import TrainConfig
from training.datasets import (
    Augmentation,
    Batches,
    Dataset,
    Folders,
    Images,
    Reading,
    Share,
    open_dataset,
    usual_dataset,
)
from training.datasets.reading import cores
from training.device import learns_in_channels_last
from training.learner import Learner, Manner
from training.losses import AnyLoss, LabelLoss, Teacher, TeacherLoss
from training.mixing import Change, changes, in_planes
from training.optimizer import Exempt, sgd
from training.plan import Plan
from training.workers import Workers

Accompany = Callable[[nn.Module, Shape, Plan], Companion | None]
"""From a network, the shape of its images and the plan of a training to what goes along, if any."""
SMOOTHING = 0.1
IMAGENET = "/ssd/dataset/imagenet"  # where the original looks


def subject_of(config: TrainConfig, classes: int | None = None) -> Subject:
    """The network that was asked for, with the classes, dropout and side that were asked for.

    Where none are asked for it gets so many `classes`.
    """
    return open_subject(
        config.arch, config.resolution, config.num_classes or classes, config.dropout
    )


def dataset_of(config: TrainConfig, subject: Subject, workers: Workers) -> Dataset:
    """Training images and those that are scored, of the shape and classes of the network."""
    name = config.dataset or usual_dataset(subject.input, subject.classes)
    path, folders = config.path, Folders(config.train_dir, config.val_dir)
    if name == "imagenet" and path is None and not (folders.train and folders.val):
        path = IMAGENET
        if not os.path.isdir(path):
            raise FileNotFoundError(
                f"no ImageNet in {path}, where the original keeps it: give --path, the folder that "
                f"holds train/ and val/, or --train-dir and --val-dir"
            )
    reading = Reading(
        resolution=subject.input.height,
        normalise=config.normalise,
        interpolation=config.interpolation,
        workers=config.workers if config.workers is not None else share_of_cores(workers),
    )
    data = open_dataset(name, path, reading, config.limit, folders)
    return data if config.held_out is None else data.split(config.held_out, config.seed)


def fitted(subject: Subject, data: Dataset, config: TrainConfig) -> Subject:
    """`subject` with as many classes as the folder has, where no number was given.

    ValueError when network and data do not go together.
    """
    if config.dataset == "folder":
        subject = subject_of(config, data.classes)
    data.must_fit(subject.input, subject.classes)
    return subject


def scored_here(data: Dataset, workers: Workers) -> Images:
    """This worker's part of the images that are scored: every image is in one part."""
    if workers.size == 1:
        return data.test
    return data.test.subset(torch.arange(workers.rank, len(data.test), workers.size))


def batches_of(config: TrainConfig, data: Dataset, plan: Plan, workers: Workers) -> Batches:
    """This worker's part of every step's images."""
    colour = "strong" if config.color_jitter else config.distort_color
    augmentation = Augmentation(
        flip=config.flip,
        shift=config.shift,
        scale=config.resize_scale,
        colour=colour,
        cutout=config.cutout,
    )
    share = Share(workers.rank, workers.size, plan.passes)
    return data.train_batches(plan.global_batch, config.seed, augmentation, share)


def first_network(config: TrainConfig, subject: Subject) -> nn.Module:
    """The network with its first weights: fresh ones, or those that the config names."""
    network = subject.build(config.seed)
    if getattr(network, "aux_logits", False):
        raise ValueError(f"{subject.name} answers with several heads in training: choose another")
    if config.pretrained or config.weights is not None:
        start_from(network, config.arch, config.weights)
    return network


def learner_of(
    config: TrainConfig,
    subject: Subject,
    network: nn.Module,
    plan: Plan,
    device: torch.device,
    workers: Workers,
    accompany: Accompany | None = None,
) -> Learner:
    """`network`, and everything that makes it learn.

    `accompany` may prepare the network further, with other layers too, and goes along with the
    training.
    """
    if config.precision == "fp16" and device.type != "cuda":
        raise ValueError("fp16 is for GPUs: on a CPU give --precision bf16, or leave it out")
    if config.path_drop or config.cell_drop:
        if not isinstance(network, Network):
            raise ValueError(
                f"{subject.name} is none of our networks: it takes no --path-drop, --cell-drop"
            )
        drop_paths(network, config.path_drop, config.cell_drop)
    network.to(device)
    together = config.channels_last and learns_in_channels_last(network, device)
    if together:
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    companion = None if accompany is None else accompany(network, subject.input, plan)
    exempt: set[Exempt] = {*config.no_wd, *(("norm", "bias") if config.no_wd_bn else ())}
    optimizer = sgd(
        network, plan.peak_lr, config.momentum, config.wd, exempt, nesterov=config.nesterov
    )
    manner = Manner(
        loss=loss_of(config, subject, device),
        changes=changes_of(config, subject, together),
        precision=config.precision,
        clip_norm=config.clip_norm,
        ema=config.ema,
        fp16_allreduce=config.fp16_allreduce,
        compile=config.compile,
        passes=plan.passes,
        seed=config.seed,
    )
    return Learner(network, optimizer, manner, workers, companion)


def changes_of(config: TrainConfig, subject: Subject, channels_last: bool) -> list[Change]:
    """What happens to whole batches before the network sees them."""
    mixed = changes(subject.classes, config.erasing, config.mixup, config.cutmix)
    return mixed if channels_last else [*mixed, in_planes]


def loss_of(config: TrainConfig, subject: Subject, device: torch.device) -> AnyLoss:
    """Labels, and a teacher if there is one; ValueError for one that answers something else."""
    labels = LabelLoss(SMOOTHING if config.label_smoothing else 0.0)
    if config.teacher is None:
        return labels
    known = open_subject(config.teacher, config.resolution)
    if known.classes != subject.classes:
        raise ValueError(
            f"the teacher {known.name} tells {known.classes} classes apart, "
            f"{subject.name} {subject.classes}: choose another --teacher"
        )
    teacher = known.build(seed=0)
    load_its_weights(teacher, config.teacher, config.teacher_weights)
    teacher.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return TeacherLoss(labels, Teacher(teacher, config.temperature), config.teacher_weight)


def share_of_cores(workers: Workers) -> int:
    """Cores for each worker of this machine, at least one.

    A launcher that binds workers to cores has shared them out already.
    """
    return min(cores(), max(1, (os.cpu_count() or 1) // workers.local_size))
