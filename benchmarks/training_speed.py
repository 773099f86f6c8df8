"""What do AMP, channels_last and compile bring in training, and what does the input path take?

First whole training steps, as main.py takes them, on random images that lie on the device already:
every way of computing in shuffled rounds of one process, as ratios to float32 in contiguous memory.
On a GPU also the peak memory that each needs by itself. Convolutions in float32 are torch's usual
ones, which a GPU may compute in TF32. Then, with --path, the fastest way once more, fed from image
files as in training: its pace as a ratio to the same steps without files, and the share of the time
in which the network had nothing to do. Starting the decoding processes is not timed; they read some
batches ahead while warming up, so take many more --steps than that.
"""

import os
import random
import statistics
import time
from collections.abc import Iterable
from itertools import islice
from typing import Annotated

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as main.py does

import torch
from msgspec import Struct

from benchmarks.decoding import spread
from proxyless_nas import Shape
from proxyless_nas.command import Command, run_one, short
from training.config import NumberFormat, TrainConfig
from training.datasets import Augmentation, Batch, Images, Reading, open_test
from training.device import DeviceName, keep_freed_memory, pick_device
from training.learner import Learner
from training.plan import make_plan, with_global_batch
from training.prepare import first_network, learner_of, subject_of
from training.watch import Watch
from training.workers import Alone, Workers

CALM = 1e-3  # learning rate: random labels must not make the weights explode


class TrainingSpeedConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compare ways to compute a training step, and the network's pace with that of image files."""

    arch: Annotated[str, short("a")] = "proxyless_gpu"
    """The network: a name or a file."""
    side: int = 224
    """Side of the images."""
    batch_size: Annotated[int, short("b")] = 64
    """Images per step."""
    rounds: int = 5
    """Measurements of each kind, shuffled."""
    steps: int = 10
    """Timed steps per measurement."""
    warm_up: int = 3
    """Steps before the first measurement of a way, and before every one that is fed from files."""
    compile: bool = True
    """Also try torch.compile, which takes a while before it is fast."""
    device: DeviceName = "auto"
    """Where the network runs."""
    threads: int | None = None
    """CPU threads of the network; default: all cores."""
    path: Annotated[str | None, short("p")] = None
    """Image files: a folder with val/CLASS/*, which are taken for training images."""
    workers: Annotated[tuple[int, ...], short("j")] = (0, 2)
    """Numbers of decoding processes to try."""


class Way(Struct, frozen=True):
    """One way of computing a step."""

    name: str
    precision: NumberFormat
    channels_last: bool
    compile: bool = False

    @property
    def layout(self) -> torch.memory_format:
        """How images and weights lie in memory."""
        return torch.channels_last if self.channels_last else torch.contiguous_format


class Ready(Struct, frozen=True, eq=False):
    """A learner that has taken its first steps, images for it, and the peak MB of a step."""

    learner: Learner
    batch: Batch
    peak: float


def ways_on(device: torch.device, compile: bool) -> list[Way]:
    """What can be tried there; the first is what the others are compared with."""
    ways = [
        Way("float32", "float32", channels_last=False),
        Way("float32 channels_last", "float32", channels_last=True),
        Way("bf16 channels_last", "bf16", channels_last=True),
    ]
    if device.type == "cuda":
        ways.append(Way("fp16 channels_last", "fp16", channels_last=True))
    if compile:
        ways.append(Way("bf16 channels_last compiled", "bf16", channels_last=True, compile=True))
    return ways


def learner_for(config: TrainConfig, device: torch.device, workers: Workers) -> Learner:
    """What main.py would train with, for an epoch of one step."""
    config = with_global_batch(config, None, workers)
    plan = make_plan(config, config.batch_size * workers.size, workers)
    subject = subject_of(config)
    network = first_network(config, subject)
    learner = learner_of(config, subject, network, plan, device, workers)
    learner.network.train()
    return learner


def random_batch(
    count: int,
    shape: Shape,
    classes: int,
    seed: int,
    device: torch.device,
    layout: torch.memory_format,
) -> Batch:
    """Noise and labels for it, on the device."""
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(count, shape.channels, shape.height, shape.width, generator=chance)
    y = torch.randint(0, classes, (count,), generator=chance)
    return x.to(device, memory_format=layout), y.to(device)


def finish(device: torch.device) -> None:
    """Wait until a GPU has done all that it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def teach(learner: Learner, batches: Iterable[Batch]) -> float:
    """Seconds of one step per batch."""
    finish(learner.device)
    start = time.perf_counter()
    for number, batch in enumerate(batches):
        learner.step(number, [batch])
    finish(learner.device)
    return time.perf_counter() - start


def make_ready(way: Way, config: TrainingSpeedConfig, device: torch.device) -> Ready:
    """Build, take the first steps, and see how much memory one more needs on a GPU."""
    before = torch.cuda.memory_allocated() if device.type == "cuda" else 0
    training = TrainConfig(
        arch=config.arch,
        resolution=config.side,
        batch_size=config.batch_size,
        base_lr=CALM,
        precision=way.precision,
        channels_last=way.channels_last,
        compile=way.compile,
    )
    subject = subject_of(training)
    learner = learner_for(training, device, Alone())
    batch = random_batch(config.batch_size, subject.input, subject.classes, 0, device, way.layout)
    teach(learner, [batch] * config.warm_up)
    if device.type == "cpu":
        return Ready(learner, batch, 0.0)
    torch.cuda.reset_peak_memory_stats()
    teach(learner, [batch])
    return Ready(learner, batch, (torch.cuda.max_memory_allocated() - before) / 1e6)


def compare_ways(config: TrainingSpeedConfig, device: torch.device) -> Ready:
    """Print one row per way; returns the fastest."""
    ready = {way: make_ready(way, config, device) for way in ways_on(device, config.compile)}
    images, order = config.batch_size * config.steps, random.Random(0)
    paces: dict[Way, list[float]] = {way: [] for way in ready}
    for _ in range(config.rounds):
        for way in order.sample(list(ready), len(ready)):
            one = ready[way]
            paces[way].append(images / teach(one.learner, [one.batch] * config.steps))
    base = paces[next(iter(ready))]
    print(f"{'step':<28} {'images/s':<26} {'/ float32':<22} peak MB")
    for way, found in paces.items():
        ratios = [mine / first for mine, first in zip(found, base, strict=True)]
        memory = f"{ready[way].peak:.0f}" if device.type == "cuda" else "-"
        print(f"{way.name:<28} {spread(found, 1):<26} {spread(ratios, 2):<22} {memory}")
    fastest = max(ready, key=lambda way: statistics.median(paces[way]))
    print(f"fastest: {fastest.name}", flush=True)
    return ready[fastest]


def fed(config: TrainingSpeedConfig, images: Images, learner: Learner) -> tuple[float, float]:
    """Images/s from files, and the share of that time in which the network waited for them."""
    batches = images.batches(config.batch_size, 0, Augmentation())
    watch = Watch(batches.stream(0, learner.device), learner.device)
    parts = iter(watch)
    teach(learner, islice(parts, config.warm_up))
    watch.waited = 0.0
    seconds = teach(learner, islice(parts, config.steps))
    return config.batch_size * config.steps / seconds, watch.waited / seconds


def compare_feeding(config: TrainingSpeedConfig, path: str, ready: Ready) -> None:
    """Print one row per number of decoding processes."""
    sets: dict[int, Images] = {}
    for count in config.workers:
        reading = Reading(resolution=config.side, workers=count)
        sets[count] = open_test("folder", path, reading).test
    images, order = config.batch_size * config.steps, random.Random(0)
    found: dict[int, list[tuple[float, float]]] = {count: [] for count in sets}
    alone: list[float] = []
    for _ in range(config.rounds):
        for count in order.sample([None, *sets], len(sets) + 1):
            if count is None:
                alone.append(images / teach(ready.learner, [ready.batch] * config.steps))
            else:
                found[count].append(fed(config, sets[count], ready.learner))
    print(f"{'from files, -j':<28} {'images/s':<26} {'/ without files':<22} waited, %")
    for count, pairs in found.items():
        paces, waits = [pace for pace, _ in pairs], [100 * share for _, share in pairs]
        ratios = [pace / free for pace, free in zip(paces, alone, strict=True)]
        print(f"{count:<28} {spread(paces, 1):<26} {spread(ratios, 2):<22} {spread(waits, 0)}")


def main(config: TrainingSpeedConfig) -> None:
    """Measure and print one table, or two."""
    device = pick_device(config.device)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    if device.type == "cpu":
        keep_freed_memory()
    where = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(
        f"{config.arch} at {config.side}x{config.side}, batch {config.batch_size}, {where}, "
        f"{torch.get_num_threads()} thread(s), {config.rounds} rounds of {config.steps} steps; "
        f"median (min to max)",
        flush=True,
    )
    fastest = compare_ways(config, device)
    if config.path is not None:
        compare_feeding(config, config.path, fastest)


if __name__ == "__main__":
    run_one("python -m benchmarks.training_speed", Command(TrainingSpeedConfig, main))
