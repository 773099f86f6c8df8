"""What does a supernet step cost? Time and peak memory as ratios to one compact network's step.

Four steps, in the ImageNet mobile space: training a compact network of the space; a weight step of
the supernet on a sampled path; an architecture step with two sampled paths; and an all-paths step
as DARTS takes it (every candidate runs, weighted by its probability; weights and logits learn).
Times are interleaved in shuffled rounds of one process and quoted as CPU time of the process;
memory is the growth of the peak resident set over the step's first calls, one fresh process each.
"""

import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from msgspec import Struct
from msgspec.structs import replace
from torch import nn

from proxyless_nas import Space
from proxyless_nas.command import Command, run_one
from proxyless_nas.spaces import mobile_space, named_layout
from search.choices import Choices
from search.evaluators import SharedWeights
from search.objective import Objective
from search.strategies import GateGradient
from search.supernet import Supernet
from training.optimizer import sgd

Step = Literal["compact", "weight", "architecture", "all-paths"]


class BenchmarkConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compare supernet steps with a compact network's training step."""

    side: int = 112
    """Side of the square input."""
    batch_size: int = 32
    """Images per step."""
    rounds: int = 7
    """Timed steps of each kind."""
    threads: int = 1
    """CPU threads."""
    seed: int = 0
    """Seed of weights and paths."""
    memory_of: Step | None = None
    """Only print the peak memory of one kind of step (used by the benchmark itself)."""


class AllPaths(nn.Module):
    """Every candidate of every edge, mixed by softmax of learned logits: DARTS on this space."""

    def __init__(self, supernet: Supernet) -> None:
        super().__init__()
        self.supernet = supernet
        self.logits = nn.ParameterList(
            nn.Parameter(torch.zeros(len(candidates)))  # pyright: ignore[reportArgumentType]
            for candidates in supernet.edges
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.supernet.stem(x)
        for candidates, logits in zip(self.supernet.edges, self.logits, strict=True):
            p = torch.softmax(logits, 0)
            x = sum(p[i] * c(x) for i, c in enumerate(candidates))  # pyright: ignore
        return self.supernet.classifier(self.supernet.mix(x))


def space_at(side: int) -> Space:
    """The ImageNet mobile space for another input size."""
    layout = named_layout("imagenet-mobile")
    layout = replace(layout, input=replace(layout.input, height=side, width=side))
    return mobile_space("imagenet-mobile", layout, layout.kernels)


def make_step(kind: Step, config: BenchmarkConfig) -> Callable[[Choices], object]:
    """A function that takes one step of this kind on the path it is given."""
    space = space_at(config.side)
    torch.manual_seed(config.seed)
    x = torch.randn(config.batch_size, 3, config.side, config.side)
    x = x.contiguous(memory_format=torch.channels_last)
    y = torch.randint(0, space.classifier.classes, (config.batch_size,))
    if kind == "compact":
        return compact_step(space, x, y)
    supernet = Supernet(space)
    supernet.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    if kind == "all-paths":
        mixed = AllPaths(supernet)
        optimizer = sgd(mixed, 0.01, 0.9, 1e-4)
        return lambda choices: train_step(mixed, optimizer, x, y)
    evaluator = SharedWeights(supernet, sgd(supernet, 0.01, 0.9, 1e-4))
    if kind == "weight":
        return lambda choices: evaluator.learn(lambda: choices, (x, y))
    strategy = uniform_strategy(space, config.seed)
    return lambda choices: strategy.tell(choices, evaluator.evaluate(choices, (x, y)))


def train_step(
    network: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor
) -> None:
    """One update on one batch."""
    optimizer.zero_grad(set_to_none=True)
    F.cross_entropy(network(x), y).backward()
    optimizer.step()


def compact_step(space: Space, x: torch.Tensor, y: torch.Tensor) -> Callable[[Choices], object]:
    """Train the plain network of the path; a new one whenever the path changes."""
    made: dict[tuple[int, ...], tuple[nn.Module, torch.optim.Optimizer]] = {}

    def step(choices: Choices) -> object:
        if choices.options not in made:
            made.clear()
            network = space.network(choices.options).build()
            network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            made[choices.options] = network, sgd(network, 0.01, 0.9, 1e-4)
        network, optimizer = made[choices.options]
        return train_step(network, optimizer, x, y)

    return step


def uniform_strategy(space: Space, seed: int) -> GateGradient:
    """A gate-gradient strategy at uniform probabilities; the cost is the number of the option."""
    prices = [np.arange(len(space.edges[edge].candidates)) + 1.0 for edge in space.searched]
    return GateGradient(prices, 10.0, Objective(80.0, 0.05, "add", 0.1), 0.0, seed)


def peak_memory(kind: Step, config: BenchmarkConfig) -> float:
    """Growth of the peak resident set over steps on three random paths, in MB."""
    step, strategy = make_step(kind, config), uniform_strategy(space_at(config.side), config.seed)
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    for _ in range(3):
        step(strategy.ask())
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / 1e6


def measure_memory(kind: Step, config: BenchmarkConfig) -> float:
    """`peak_memory` in a process of its own."""
    flags = [
        f"--side={config.side}",
        f"--batch-size={config.batch_size}",
        f"--threads={config.threads}",
        f"--seed={config.seed}",
        f"--memory-of={kind}",
    ]
    output = subprocess.run(
        [sys.executable, __file__, *flags], capture_output=True, text=True, check=True
    ).stdout
    return float(output.split()[-1])


def measure_times(config: BenchmarkConfig) -> dict[Step, list[float]]:
    """CPU milliseconds per step of each kind, one per round; all kinds see the same path."""
    steps = {kind: make_step(kind, config) for kind in get_args(Step)}
    strategy, order = uniform_strategy(space_at(config.side), config.seed), random.Random(0)
    times: dict[Step, list[float]] = {kind: [] for kind in steps}
    for _ in range(config.rounds):
        choices = strategy.ask()
        for kind in order.sample(list(steps), len(steps)):
            steps[kind](choices)  # untimed: kernels are chosen, optimizer state is made
            before = time.process_time_ns()
            steps[kind](choices)
            times[kind].append((time.process_time_ns() - before) / 1e6)
    return times


def main(config: BenchmarkConfig) -> None:
    """Measure and print one table of ratios."""
    torch.set_num_threads(config.threads)
    if config.memory_of is not None:
        print(peak_memory(config.memory_of, config))
        return
    memory = {kind: measure_memory(kind, config) for kind in get_args(Step)}
    times = measure_times(config)
    times_of_pair = [a + b for a, b in zip(times["weight"], times["architecture"], strict=True)]
    print(
        f"imagenet-mobile space at {config.side}x{config.side}, batch {config.batch_size}, "
        f"{config.threads} thread(s), {config.rounds} rounds; ratios to the compact network: "
        f"median (min to max)"
    )
    print(f"{'step':<22} {'CPU ms':>8}  {'time ratio':<22} {'peak MB':>8}  memory ratio")
    for kind in get_args(Step):
        print(
            row(kind, times[kind], times["compact"]) + f" {memory[kind]:>8.0f}  "
            f"{memory[kind] / memory['compact']:.2f}"
        )
    print(row("weight + architecture", times_of_pair, times["compact"]))
    print(
        row("all-paths / weight", times["all-paths"], times["weight"])
        + f" {'':>8}  {memory['all-paths'] / memory['weight']:.2f}"
    )


def row(name: str, times: list[float], base: list[float]) -> str:
    """One line: median time, and median, min and max of the ratios round by round."""
    ratios = [a / b for a, b in zip(times, base, strict=True)]
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    return f"{name:<22} {statistics.median(times):>8.0f}  {spread:<22}"


if __name__ == "__main__":
    run_one("python benchmarks/supernet_step.py", Command(BenchmarkConfig, main))
