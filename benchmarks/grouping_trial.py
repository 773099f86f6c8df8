"""Who says rightly which channels leave together: our tracer, or Torch-Pruning's dependency graph?

Over torchvision's networks, ResNets for CIFAR and small patterns: a random third, and half, of the
channels of every group goes, and what is left must answer as the whole network does with those
channels zero. Right, refused (nothing is cut, or an error says why), crashes, or silently wrong:
the worst of both counts. Torch-Pruning is used in two ways: its pruner draws the channels, or they
are named layer by layer to its graph, as its manual does. It must not enter this environment:

    python -m venv versus && versus/bin/pip install torch-pruning && versus/bin/pip install -e .
    versus/bin/python -m benchmarks.grouping_trial
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

import torch
from msgspec import Struct
from torch import Tensor, nn

from benchmarks.versus.cases import cases
from benchmarks.versus.depgraph import opened
from benchmarks.versus.depgraph_cuts import count_groups, cut_by_layers, cut_by_pruner
from benchmarks.versus.judging import VERDICTS, Cut, Trial, tried
from benchmarks.versus.our_tracer import cut_randomly
from compression.channels.groups import find_channels
from proxyless_nas.command import Command, run_one
from proxyless_nas.progress import progress_bar

ANSWERS = "it is in the network's answer"


class GroupingConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compare what two tracers find in the same networks, and whether it is right."""

    only: tuple[str, ...] = ()
    """Parts of names of networks; default: all."""
    shares: tuple[float, ...] = (1 / 3, 1 / 2)
    """Shares of the channels of every group that go; the worst verdict counts."""
    side: int = 64
    """Side of the input of torchvision's networks."""
    rounds: int = 5
    """Timed traces of each."""
    seed: int = 0
    """Seed of the channels that go."""


def answering(network: nn.Module, x: Tensor) -> list[str]:
    """Layers whose channels are the answer: Torch-Pruning's users name them by hand."""
    try:
        return [name for name, why in find_channels(network, x).kept.items() if why == ANSWERS]
    except ValueError:
        return []


def traced(ways: list[Callable[[], int]], rounds: int) -> list[str]:
    """What each way counts and its median CPU time, in interleaved rounds; the first warms up."""
    rows = [[_counted(way) for way in ways] for _ in range(rounds + 1)]
    found: list[str] = []
    for column in zip(*rows[1:], strict=True):
        groups, took = column[0][0], statistics.median(ms for _, ms in column)
        found.append(f"{'none' if groups is None else groups:>7}{took:>9.1f}")
    return found


def _counted(way: Callable[[], int]) -> tuple[int | None, float]:
    """The count, or None where there is an error; milliseconds."""
    begin = time.process_time_ns()
    try:
        groups = way()
    except Exception:
        groups = None
    return groups, (time.process_time_ns() - begin) / 1e6


def told(trial: Trial) -> str:
    """A verdict with the share of the parameters that is left, or how wrong the answer is."""
    if trial.verdict == "silently wrong" and trial.difference is not None:
        return f"{trial.verdict}, {trial.difference:.0e}"
    return f"{trial.verdict}, {trial.left:.2f} left" if trial.verdict == "right" else trial.verdict


def worst(trials: Iterable[Trial]) -> Trial:
    """The first of those with the worst verdict."""
    return max(trials, key=lambda trial: VERDICTS.index(trial.verdict))


def row_of(
    config: GroupingConfig, network: nn.Module, x: Tensor
) -> tuple[list[str], dict[str, Trial]]:
    """What both tracers count, and what came of our cut and of two of theirs."""
    keep = answering(network, x)
    cuts: dict[str, Callable[[float, int], Cut]] = {
        "ours": partial(cut_randomly, network, x),
        "its pruner": partial(cut_by_pruner, network, x, keep),
        "its graph": partial(cut_by_layers, network, x, keep),
    }
    trials = {
        who: worst(tried(network, x, partial(cut, share, config.seed)) for share in config.shares)
        for who, cut in cuts.items()
    }
    traces = [
        lambda: len(find_channels(network, x).groups),
        lambda: count_groups(network, x, keep),
    ]
    return traced(traces, config.rounds), trials


def main(config: GroupingConfig) -> None:
    """Print a row per network, how often each verdict was given, and the errors."""
    torch.set_num_threads(1)
    chosen = {
        name: make
        for name, make in cases(config.side).items()
        if not config.only or any(part in name for part in config.only)
    }
    if not chosen:
        raise ValueError(f"no network's name contains any of {', '.join(config.only)}")
    with opened() as tp:
        shares = " and ".join(f"{share:.2f}" for share in config.shares)
        print(f"torch {torch.__version__}, Torch-Pruning {tp.__version__}; of the channels of "
              f"every group {shares} go, at random; tracing in CPU ms")  # fmt: skip
    rows = {
        name: row_of(config, *make())
        for name, make in progress_bar(chosen.items(), "networks", len(chosen))
    }
    print(f"{'':<49}{'ours':<40}Torch-Pruning\n{'':<48}{'groups':>7}{'ms':>9}  {'':<22}"
          f"{'groups':>7}{'ms':>9}  {'its pruner':<24}its graph")  # fmt: skip
    for name, ((mine, its), trials) in rows.items():
        our_word, pruner, graph = map(told, trials.values())
        print(f"{name:<48}{mine}  {our_word:<22}{its}  {pruner:<24}{graph}")
    for who in next(iter(rows.values()))[1]:
        counts = Counter(trials[who].verdict for _, trials in rows.values())
        print(f"{who}: {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}")
    for name, (_, trials) in rows.items():
        for who, trial in trials.items():
            if trial.told:
                print(f"{name}, {who}: {trial.told}")


if __name__ == "__main__":
    run_one("python -m benchmarks.grouping_trial", Command(GroupingConfig, main))
