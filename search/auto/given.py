"""What automatic compression begins with: the network, its images, and what may be done to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from compression.analysis.subject import exam_of, images_of, opened_trained
from compression.channels.cut import noise
from compression.channels.groups import Channels, find_channels
from compression.importance import L2
from compression.quantizers.fold import folded
from compression.quantizers.place import quantizable
from compression.selectors import Where
from compression.widths import Ranking, Sizes, ranked, stops_of
from proxyless_nas.bits import FLOAT_BITS
from proxyless_nas.layer import Shape
from proxyless_nas.subject import Subject
from search.auto.config import AutoConfig, Method
from search.auto.costs import Cost, counted
from search.auto.goal import Goal, Metric
from search.problems.compressed import Compression
from training.datasets import Batch, Exam

HELPS: dict[Method, tuple[Metric, ...]] = {
    "channels": ("macs", "parameters", "bytes", "latency"),
    "bits": ("bytes",),
    "int8": ("latency", "bytes"),
}
"""Which costs a method lowers."""


@dataclass(frozen=True)
class Given:
    """All that does not change while a goal is searched for."""

    config: AutoConfig
    goal: Goal
    subject: Subject
    whole: nn.Module
    lone: nn.Module
    """The whole network, its batch norms folded: what is counted and exported."""
    channels: Channels | None
    ranking: Ranking
    sizes: Sizes
    problem: Compression
    costs: dict[Metric, Cost]
    seen: Sequence[Batch]
    judged: Sequence[Batch]
    exam: Exam
    out: Path


def given_of(config: AutoConfig, goal: Goal) -> Given:
    """ValueError where nothing was learned, or where no method helps the goal."""
    source = opened_trained(config)
    subject, whole = source.subject, source.network.eval().requires_grad_(False)
    shape = subject.input
    methods = [
        one for one in config.methods if any(metric in HELPS[one] for metric in goal.metrics)
    ]
    images = images_of(config, subject)
    judged = list(images.test_batches(config.batch_size))
    seen = list(images.limited(config.calibrated_on).test_batches(config.batch_size))
    lone = folded(whole, shape)
    channels = _channels(whole, shape) if "channels" in methods else None
    ranking = ranked(L2().scores(whole, channels)) if channels is not None else {}
    lone_channels = Channels((), {}) if channels is None else _channels(lone, shape)
    assert lone_channels is not None
    sizes = Sizes(lone, lone_channels, shape, ranking)
    stops = stops_of(sizes.widths, config.multiple, config.widths)
    layers = quantizable(lone, shape)
    bits = (FLOAT_BITS, *config.weight_bits) if "bits" in methods else (FLOAT_BITS,)
    problem = Compression(stops, layers, bits, "int8" in methods)
    if not problem.knobs:
        raise ValueError(
            f"{', '.join(config.methods)} cannot lower {' and '.join(goal.metrics)} of "
            f"{subject.name}"
        )
    costs = counted(sizes, {name: f"{name}.weight" for name in layers})
    exam = exam_of(config, subject, None)
    out = Path(config.out)
    return Given(
        config, goal, subject, whole, lone, channels, ranking, sizes, problem, costs, seen, judged,
        exam, out,
    )  # fmt: skip


def _channels(network: nn.Module, shape: Shape) -> Channels | None:
    """The groups that may lose channels; None where there are none."""
    found = find_channels(network, noise(shape, network))
    try:
        return found.made_by(Where().layers(network))
    except ValueError:
        return None


def images_in(batches: Sequence[Batch]) -> torch.Tensor:
    """[N, C, H, W]."""
    return torch.cat([x for x, _ in batches])
