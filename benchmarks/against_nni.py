"""What does a weight step with an architecture step cost, here and in NNI's ProxylessNAS?

Six blocks of six MBConv candidates, the same in both; a pair of steps over one training step of a
compact network of the space. NNI's mixed layer stands at the same places of the same supernet, and
is driven as its strategy does it: sample, architecture batch, backward, step of the logits; sample,
weight batch, backward, step of the weights. NNI 3.0 is dead and must not enter this environment:

    python -m venv nni && nni/bin/pip install nni==3.0 lightning && nni/bin/pip install -e .
    nni/bin/python -m benchmarks.against_nni
"""

import random
import statistics
import time
import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F
from msgspec import Struct
from torch import Tensor, nn

import proxyless_nas.torchvision_door  # noqa: F401  (NNI imports torchvision in a way that fails)
from benchmarks.supernet_step import Batch, architecture_step, train_step
from proxyless_nas import Shape, Space
from proxyless_nas.command import Command, run_one
from proxyless_nas.mobile_space import Layout, Stage, mobile_space
from search.choices import Choices
from search.evaluators import SharedWeights
from search.prices import Prices
from search.strategies import AllPaths, TwoPaths
from search.supernet import Supernet
from training.device import keep_freed_memory
from training.optimizer import sgd

Steps = Callable[[tuple[int, ...]], object]
"""Takes the options of the path on which weights are trained."""
WARM_UP = 20
THEIRS = "NNI 3.0"


class AgainstConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compare our pair of steps with NNI's, over a compact network's step."""

    side: int = 32
    """Side of the square input."""
    batch_size: int = 64
    """Images per step."""
    rounds: int = 15
    """Timed pairs of each kind."""
    threads: int = 1
    """CPU threads."""
    seed: int = 0
    """Seed of weights and paths."""


def space_of(side: int) -> Space:
    """Six edges of six candidates each; nothing is skipped."""
    stages = (Stage(24, 3, 2, skip=False), Stage(40, 3, 2, skip=False))
    return mobile_space("six", Layout(Shape(3, side, side), 10, 32, 16, stages, 160))


def ours(kind: type[TwoPaths], space: Space, batch: Batch, counts: dict[str, int]) -> Steps:
    """A weight step, then an architecture step."""
    supernet = Supernet(space)
    supernet.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    count_candidates(supernet, counts)
    keep = "inputs" if kind is AllPaths else "outputs"
    evaluator = SharedWeights(supernet, sgd(supernet, 0.01, 0.9, 1e-4), keep)
    strategy = kind(Prices.free(space.counts), None, 1e-3, 0)

    def pair(options: tuple[int, ...]) -> None:
        evaluator.learn(0, Choices(options), batch)
        architecture_step(strategy, evaluator, batch)

    return pair


def theirs(space: Space, batch: Batch, counts: dict[str, int], last: bool = False) -> Steps:
    """NNI's mixed layers in our supernet, driven as its strategy drives them.

    In torch's usual layout, as its users have it, or with channels `last`, as we do.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from nni.mutable.frozen import frozen_context  # type: ignore[import-not-found]
            from nni.nas.oneshot.pytorch.supermodule.proxyless import (  # type: ignore[import-not-found]
                ProxylessMixedLayer,
            )
        except ImportError as error:
            raise ValueError(f"NNI is not here ({error}): see the head of this file") from error
    supernet = Supernet(space)
    logits = [nn.Parameter(1e-3 * torch.randn(count)) for count in space.counts]
    layers = []
    for number, decision in enumerate(supernet.decisions.values()):
        paths = {str(index): part for index, part in enumerate(decision.candidates)}
        name = f"edge{number}"
        with frozen_context({name: "0"}):
            layer = ProxylessMixedLayer(paths, logits[number], nn.Softmax(-1), name)
        decision.forward = layer.__call__  # type: ignore[method-assign]
        layers.append(layer)
    x, y = batch
    if last:
        supernet.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    else:
        x = x.contiguous()
    count_candidates(supernet, counts)
    weights = sgd(supernet, 0.01, 0.9, 1e-4)
    architecture = torch.optim.Adam(logits, 1e-3, betas=(0.0, 0.999))

    def step(optimizer: torch.optim.Optimizer, sampled: dict[str, str]) -> None:
        for layer in layers:
            layer.resample(sampled)
        optimizer.zero_grad()
        F.cross_entropy(supernet(x, space.first), y).backward()
        optimizer.step()

    def pair(options: tuple[int, ...]) -> None:
        step(architecture, {})
        step(weights, {f"edge{edge}": str(option) for edge, option in enumerate(options)})

    return pair


def count_candidates(supernet: Supernet, counts: dict[str, int]) -> None:
    """Count in `counts` how often a candidate runs, with and without a graph."""

    def count(*_: object) -> None:
        counts["with grad" if torch.is_grad_enabled() else "without"] += 1

    for decision in supernet.decisions.values():
        for part in decision.candidates:
            part.register_forward_hook(count)


def compact(space: Space, batch: Batch, options: tuple[int, ...]) -> Steps:
    """A training step of one network."""
    network = space.network(options).build(0)
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = sgd(network, 0.01, 0.9, 1e-4)
    return lambda options: train_step(network, optimizer, *batch)


def main(config: AgainstConfig) -> None:
    """Interleave all kinds, print ratios of CPU time round by round."""
    torch.set_num_threads(config.threads)
    keep_freed_memory()  # as a search does
    torch.manual_seed(config.seed)
    space = space_of(config.side)
    x: Tensor = torch.randn(config.batch_size, 3, config.side, config.side)
    y = torch.zeros(len(x), dtype=torch.int64)
    batch = (x.contiguous(memory_format=torch.channels_last), y)
    kinds = ("two paths", "all paths", THEIRS, f"{THEIRS}, channels last")
    counts = {name: {"with grad": 0, "without": 0} for name in kinds}
    pairs = {
        "two paths": ours(TwoPaths, space, batch, counts["two paths"]),
        "all paths": ours(AllPaths, space, batch, counts["all paths"]),
        THEIRS: theirs(space, batch, counts[THEIRS]),
        kinds[3]: theirs(space, batch, counts[kinds[3]], last=True),
    }
    for pair in pairs.values():
        for number in range(WARM_UP):  # until every candidate has run, and has its momentum
            pair((number % 6,) * len(space.counts))
    for ran in counts.values():
        ran.update(dict.fromkeys(ran, 0))
    draw = random.Random(config.seed)
    times: dict[str, list[float]] = {name: [] for name in ("compact", *pairs)}
    for _ in range(config.rounds):
        options = tuple(draw.randrange(count) for count in space.counts)
        steps: dict[str, Steps] = {"compact": compact(space, batch, options), **pairs}
        for name in draw.sample(list(steps), len(steps)):
            steps[name](options)  # untimed
            begin = time.process_time_ns()
            steps[name](options)
            times[name].append((time.process_time_ns() - begin) / 1e6)
    print(
        f"6 edges of 6 candidates at {config.side}x{config.side}, batch {config.batch_size}, "
        f"{config.threads} thread(s), {config.rounds} rounds; torch {torch.__version__}"
    )
    print(
        f"{'weight + architecture':<24}{'CPU ms':>8}  {'over compact':<22}{'NNI over it':<22}"
        "candidate runs per pair"
    )
    for name, found in times.items():
        over = spread([a / b for a, b in zip(found, times["compact"], strict=True)])
        faster = spread([b / a for a, b in zip(found, times[THEIRS], strict=True)])
        ran = {kind: number // (2 * config.rounds) for kind, number in counts.get(name, {}).items()}
        many = ", ".join(f"{number} {kind}" for kind, number in ran.items())
        print(f"{name:<24}{statistics.median(found):>8.0f}  {over:<22}{faster:<22}{many}")


def spread(ratios: list[float]) -> str:
    """Median, and from where to where."""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    run_one("python -m benchmarks.against_nni", Command(AgainstConfig, main))
