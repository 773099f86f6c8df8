"""Is image decoding the bottleneck of an evaluation? Loader, network, and both, in one run.

For every number of workers and every network: (a) our loader alone, (b) the network alone on
images that are already decoded, (c) an evaluation end to end. On a CPU loader and network share
the cores, so the best that (c) can be is the harmonic sum of (a) and (b); a GPU leaves the cores to
the loader, and there decoding is no bottleneck as long as (a) is faster than (b).
"""

import os
import random
import statistics
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as eval.py does

import torch
from msgspec import Struct
from msgspec.structs import replace
from torch import nn

from proxyless_nas import NetworkSpec, load_spec
from proxyless_nas.command import Command, run_one, short
from training.datasets import Batch, Exam, Reading, open_test
from training.device import DeviceName, keep_freed_memory, pick_device
from training.evaluate import evaluate, evaluate_timed


class DecodingConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compare the speed of decoding with that of networks, alone and together."""

    path: Annotated[str, short("p")]
    """Photographs: a .zip or folder with val/CLASS/*, and wnids.txt where classes are missing."""
    archs: tuple[str, ...] = ("proxyless_mobile", "mobilenet_v2")
    """Networks of 1000 classes: names or descriptions."""
    resolution: int | None = None
    """Side of the input; default: each description's."""
    workers: Annotated[tuple[int, ...], short("j")] = (0, 1, 2)
    """Numbers of decoding processes to try."""
    batch_size: Annotated[int, short("b")] = 64
    """Images per step."""
    limit: int | None = None
    """Use only so many photographs."""
    rounds: int = 5
    """Measurements of each kind, shuffled."""
    threads: int | None = None
    """CPU threads of the network; default: all cores."""
    device: DeviceName = "auto"
    """Where the network runs."""


class Speeds(Struct, frozen=True):
    """Images per second of one round, and the share of time that the network waited."""

    loader: float
    network: float
    together: float
    waited: float

    @property
    def possible(self) -> float:
        """What `together` would be if loader and network shared the cores without any loss."""
        return 1 / (1 / self.loader + 1 / self.network)


def seconds(act: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def one_round(
    config: DecodingConfig,
    exam: Exam,
    network: nn.Module,
    decoded: list[Batch],
    order: random.Random,
) -> Speeds:
    """Measure all three once, in random order."""
    device, count = pick_device(config.device), len(exam.test)
    found: dict[str, float] = {}

    def loader() -> None:
        for _ in exam.test.read(config.batch_size, pinned=device.type == "cuda"):
            pass

    for what in order.sample(["loader", "network", "together"], 3):
        match what:
            case "loader":
                found[what] = count / seconds(loader)
            case "network":
                found[what] = count / seconds(lambda: evaluate(network, decoded))
            case _:
                _, pace = evaluate_timed(network, exam, config.batch_size, device)
                found |= {what: pace.images_per_second, "waited": pace.waited / pace.seconds}
    return Speeds(**found)


def spread(values: list[float], digits: int) -> str:
    """Median, and from where to where."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def compare(spec: NetworkSpec, path: str, config: DecodingConfig) -> None:
    """Print one row per number of workers."""
    order, device = random.Random(0), pick_device(config.device)
    network = spec.build(seed=0).to(device, memory_format=torch.channels_last)  # pyright: ignore
    for workers in config.workers:
        reading = Reading(resolution=spec.input.height, workers=workers)
        exam = open_test("imagenet", path, reading, config.limit)
        decoded = list(exam.test_batches(config.batch_size, device))
        evaluate(network, decoded)  # untimed: kernels are chosen
        rounds = [one_round(config, exam, network, decoded, order) for _ in range(config.rounds)]
        print(
            f"{spec.name:<20} {spec.input.height:>4} {workers:>3}"
            f"  {spread([r.loader for r in rounds], 0):<19}"
            f"  {spread([r.network for r in rounds], 0):<19}"
            f"  {spread([r.together for r in rounds], 0):<19}"
            f"  {spread([r.loader / r.network for r in rounds], 2):<21}"
            f"  {spread([r.together / r.possible for r in rounds], 2):<21}"
            f"  {spread([100 * r.waited for r in rounds], 0)}",
            flush=True,
        )


def main(config: DecodingConfig) -> None:
    """Unpack if need be, measure, print one table."""
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    keep_freed_memory()
    print(
        f"batch {config.batch_size}, {torch.get_num_threads()} thread(s) for the network, "
        f"{config.rounds} rounds; images/s and ratios: median (min to max)"
    )
    print(
        f"{'network':<20} {'side':>4} {'j':>3}  {'(a) loader':<19}  {'(b) network':<19}"
        f"  {'(c) end to end':<19}  {'a / b':<21}  {'c / best possible':<21}  waited, %"
    )
    with TemporaryDirectory(prefix="decoding-") as unpacked:
        path = Path(config.path)
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                archive.extractall(unpacked)
            path = next(Path(unpacked).rglob("val"))
        for arch in config.archs:
            spec = load_spec(arch)
            side = spec.input.at_side(config.resolution)
            compare(replace(spec, input=side), str(path), config)


if __name__ == "__main__":
    run_one("python -m benchmarks.decoding", Command(DecodingConfig, main))
