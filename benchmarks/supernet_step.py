"""What does a supernet step cost? Time and peak memory as ratios to one compact network's step.

In the ImageNet mobile space: training a compact network of the space; a weight step of the supernet
on a sampled path; architecture steps with two paths, with the slopes of all paths from their kept
outputs, and from the kept inputs; an update of REINFORCE by ten networks, without gradients; and an
all-paths step as DARTS takes it (every candidate runs, weighted by its probability; weights and
logits learn). Times are interleaved in shuffled rounds of one process and quoted as CPU time of the
process, on a GPU as wall time until it is done; memory is the growth of the peak resident set (of
the peak allocation on a GPU) over the step's first calls, on a CPU one fresh process each.
"""

import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from msgspec import Struct
from torch import nn

from proxyless_nas import Space, named_space
from proxyless_nas.command import Command, run_one
from search.choices import Choices
from search.evaluators import SharedWeights
from search.evaluators.shared_weights import SupernetFormat
from search.prices import Prices
from search.strategies import AllPaths, AnyStrategy, Reinforce, TwoPaths
from search.supernet import Mixed, Supernet
from training.device import DeviceName, pick_device
from training.optimizer import sgd

Step = Literal[
    "compact", "weight", "two paths", "all, outputs", "all, inputs", "reinforce", "darts"
]
Batch = tuple[torch.Tensor, torch.Tensor]


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
    device: DeviceName = "cpu"
    """Where the steps are taken."""
    precision: SupernetFormat = "float32"
    """bf16: activations of the supernet in half the bits; the compact network is not changed."""
    memory_of: Step | None = None
    """Only print the peak memory of one kind of step (used by the benchmark itself)."""


class Darts(nn.Module):
    """Every candidate of every edge, mixed by softmax of learned logits: DARTS on this space."""

    def __init__(self, supernet: Supernet) -> None:
        super().__init__()
        self.supernet = supernet
        self.logits = nn.ParameterList(
            nn.Parameter(torch.zeros(count)) for count in supernet.space.counts
        )
        for decision, logits in zip(supernet.decisions.values(), self.logits, strict=True):
            decision.forward = self._mixed(decision, logits)  # type: ignore[method-assign]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.supernet(x, self.supernet.space.first)

    @staticmethod
    def _mixed(decision: Mixed, logits: nn.Parameter) -> Callable[[torch.Tensor], torch.Tensor]:
        def mixed(x: torch.Tensor) -> torch.Tensor:
            p = torch.softmax(logits, 0)
            return sum(p[i] * part(x) for i, part in enumerate(decision.candidates))  # type: ignore[return-value]

        return mixed


def make_step(kind: Step, config: BenchmarkConfig) -> Callable[[Choices], object]:
    """A function that takes one step of this kind; weight steps take it on the path they are given.

    An architecture step asks for what it judges itself.
    """
    space, device = space_at(config.side), pick_device(config.device)
    torch.manual_seed(config.seed)
    x = torch.randn(config.batch_size, 3, config.side, config.side, device=device)
    x = x.contiguous(memory_format=torch.channels_last)
    y = torch.randint(0, space.classifier.classes, (config.batch_size,), device=device)
    if kind == "compact":
        return compact_step(space, x, y)
    supernet = Supernet(space)
    supernet.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    if kind == "darts":
        mixed = Darts(supernet)
        mixed.to(device)
        optimizer = sgd(mixed, 0.01, 0.9, 1e-4)
        return lambda choices: train_step(mixed, optimizer, x, y)
    keep = "inputs" if kind == "all, inputs" else "outputs"
    evaluator = SharedWeights(
        supernet, sgd(supernet, 0.01, 0.9, 1e-4), keep, precision=config.precision
    )
    if kind == "weight":
        return lambda choices: evaluator.learn(0, choices, (x, y))
    strategy = strategy_for(kind, space, config.seed)
    return lambda choices: architecture_step(strategy, evaluator, (x, y))


def architecture_step(strategy: AnyStrategy, evaluator: SharedWeights, batch: Batch) -> None:
    """Ask, judge, tell."""
    asked = strategy.ask()
    strategy.tell(asked, [evaluator.evaluate(choices, batch) for choices in asked])


def strategy_for(kind: Step, space: Space, seed: int) -> AnyStrategy:
    """At uniform probabilities, where it stays."""
    prices = Prices.free(space.counts)
    match kind:
        case "reinforce":
            return Reinforce(prices, None, 0.0, seed, batch=10)
        case "all, outputs" | "all, inputs":
            return AllPaths(prices, None, 0.0, seed)
    return TwoPaths(prices, None, 0.0, seed)


def space_at(side: int) -> Space:
    """The ImageNet mobile space for another input size."""
    return named_space(f"imagenet-mobile-r{side}")


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
            network.to(x.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            made[choices.options] = network, sgd(network, 0.01, 0.9, 1e-4)
        network, optimizer = made[choices.options]
        return train_step(network, optimizer, x, y)

    return step


def peak_memory(kind: Step, config: BenchmarkConfig) -> float:
    """Growth of the peak memory over steps on three random paths, in MB."""
    step, strategy = make_step(kind, config), strategy_for("weight", space_at(config.side), 0)
    if config.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        start = torch.cuda.memory_allocated()
    else:
        start = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    for _ in range(3):
        step(strategy.sample())
    if config.device == "cuda":
        return (torch.cuda.max_memory_allocated() - start) / 1e6
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - start) / 1e6


def measure_memory(kind: Step, config: BenchmarkConfig) -> float:
    """`peak_memory`, on a CPU in a process of its own; a GPU's allocator counts exactly."""
    if config.device == "cuda":
        return peak_memory(kind, config)
    flags = [
        f"--side={config.side}",
        f"--batch-size={config.batch_size}",
        f"--threads={config.threads}",
        f"--seed={config.seed}",
        f"--device={config.device}",
        f"--precision={config.precision}",
        f"--memory-of={kind}",
    ]
    output = subprocess.run(
        [sys.executable, __file__, *flags], capture_output=True, text=True, check=True
    ).stdout
    return float(output.split()[-1])


def measure_times(config: BenchmarkConfig) -> dict[Step, list[float]]:
    """Milliseconds per step of each kind, one per round; all kinds see the same path."""
    steps = {kind: make_step(kind, config) for kind in get_args(Step)}
    strategy = strategy_for("weight", space_at(config.side), config.seed)
    order = random.Random(0)
    times: dict[Step, list[float]] = {kind: [] for kind in steps}
    for _ in range(config.rounds):
        choices = strategy.sample()
        for kind in order.sample(list(steps), len(steps)):
            steps[kind](choices)  # untimed: kernels are chosen, optimizer state is made
            times[kind].append(timed(partial(steps[kind], choices), config))
    return times


def timed(step: Callable[[], object], config: BenchmarkConfig) -> float:
    """Milliseconds: CPU time of the process, or on a GPU until the device has finished."""
    if config.device == "cuda":
        torch.cuda.synchronize()
        begin = time.perf_counter_ns()
        step()
        torch.cuda.synchronize()
        return (time.perf_counter_ns() - begin) / 1e6
    begin = time.process_time_ns()
    step()
    return (time.process_time_ns() - begin) / 1e6


def main(config: BenchmarkConfig) -> None:
    """Measure and print one table of ratios."""
    torch.set_num_threads(config.threads)
    if config.memory_of is not None:
        print(peak_memory(config.memory_of, config))
        return
    memory = {kind: measure_memory(kind, config) for kind in get_args(Step)}
    times = measure_times(config)
    print(
        f"imagenet-mobile space at {config.side}x{config.side}, batch {config.batch_size}, "
        f"{config.device} {config.precision}, {config.threads} thread(s), {config.rounds} rounds; "
        f"ratios to the compact network: median (min to max)"
    )
    print(f"{'step':<24} {'ms':>8}  {'time ratio':<22} {'peak MB':>8}  memory ratio")
    for kind in get_args(Step):
        print(
            row(kind, times[kind], times["compact"]) + f" {memory[kind]:>8.0f}  "
            f"{memory[kind] / memory['compact']:.2f}"
        )
    for kind in ("two paths", "all, outputs", "all, inputs"):
        pair = [a + b for a, b in zip(times["weight"], times[kind], strict=True)]
        print(row(f"weight + {kind}", pair, times["compact"]))
    print(
        row("darts / weight", times["darts"], times["weight"])
        + f" {'':>8}  {memory['darts'] / memory['weight']:.2f}"
    )


def row(name: str, times: list[float], base: list[float]) -> str:
    """One line: median time, and median, min and max of the ratios round by round."""
    ratios = [a / b for a, b in zip(times, base, strict=True)]
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    return f"{name:<24} {statistics.median(times):>8.0f}  {spread:<22}"


if __name__ == "__main__":
    run_one("python benchmarks/supernet_step.py", Command(BenchmarkConfig, main))
