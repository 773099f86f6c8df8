"""What do our departures from the released code of ProxylessNAS change? Each one measured once.

On a small space: searches in which an open skip gets no task gradient, as there, against ours;
the accuracy of networks with the shared weights under running, batch and re-estimated statistics;
the same where residual branches began as drawn, and where they began as nothing; and the noise of
REINFORCE's gradient with the released baseline, with ours, and with others.
"""

import statistics
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from msgspec import Struct
from torch import Tensor

from latency_tables.cost import Macs
from proxyless_nas import Skip, named_space
from proxyless_nas.command import Command, run_one
from search import loop
from search.choices import Choices, Evidence
from search.config import AnySearchConfig, ProxylessConfig, RandomConfig
from search.evaluators import SharedWeights
from search.objective import Objective
from search.prepare import data_and_plan, evaluator_of
from search.prices import Prices
from search.problems import Architecture
from search.strategies import AnyStrategy, RandomChoices, Reinforce, TwoPaths
from search.strategies.distribution import entropy
from search.strategies.reinforce import baselines_of
from training.batch_norm import batch_norms, reestimate, unrecorded
from training.datasets import Batch, DatasetName
from training.run_folder import RunFolder
from training.workers import Alone

CPU = torch.device("cpu")


class DifferencesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure what each departure from the released code changes, on a small space."""

    out: str
    """Folder of the searches; a finished one is not done again."""
    space: str = "fashion"
    """The space; budgets are MACs, halfway between the cheapest and the dearest network."""
    dataset: DatasetName = "fashion"
    """Which data."""
    path: str | None = None
    """Folder of the data; without it the known places are tried."""
    limit: int | None = 20000
    """Use only so many training images."""
    epochs: float = 4.0
    """Passes over the training images in every search."""
    seeds: int = 3
    """Searches of each kind."""
    networks: int = 12
    """Networks whose statistics, or first weights, are compared."""
    updates: int = 60
    """Gradients of REINFORCE whose noise is compared."""


class SilentSkips(TwoPaths):
    """An open skip gets no task gradient: its logits follow the cost alone (released code)."""

    def __init__(self, skips: Tensor, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.skips = skips

    def tell(self, asked: Sequence[Choices], evidence: Sequence[Evidence]) -> None:
        (choices,), (seen,) = asked, evidence
        rows = torch.arange(len(choices.options))
        silent = self.skips[rows, torch.tensor(choices.options)]
        assert seen.slopes is not None
        slopes = torch.where(silent[:, None], 0.0, seen.slopes)
        super().tell(asked, [Evidence(seen.loss, seen.accuracy, slopes)])


def searched(
    config: DifferencesConfig, problem: Architecture, seed: int, silent: bool
) -> tuple[loop.Search, Prices]:
    """A finished search of one kind."""
    prices = problem.prices(Macs())
    out = Path(config.out) / f"{'silent' if silent else 'ours'}-{seed}"
    one = ProxylessConfig(
        space=config.space, out=str(out), dataset=config.dataset, path=config.path,
        limit=config.limit, epochs=config.epochs, seed=seed,
    )  # fmt: skip
    objective = Objective((prices.least + prices.most) / 2, 0.02, "add", one.cost_weight)
    arguments = (prices, objective, one.arch_lr, seed)
    strategy = SilentSkips(skips_of(problem), *arguments) if silent else TwoPaths(*arguments)
    return finished(problem, one, strategy), prices


def finished(problem: Architecture, one: AnySearchConfig, strategy: AnyStrategy) -> loop.Search:
    """The search that `one` describes, by a strategy that need not be its preset's, at its end."""
    data, plan = data_and_plan(problem, one, CPU, Alone())
    evaluator = evaluator_of(problem, one, CPU, Alone())
    with RunFolder(one.out, one, journals=(loop.TRIES,)) as folder:
        search = loop.Search(problem, strategy, evaluator, data, plan, folder)
        search.run()
    return search


def skips_of(problem: Architecture) -> Tensor:
    """[knobs, widest]: which options skip."""
    edges = [problem.space.edges[index] for index in problem.space.searched]
    table = torch.zeros(len(edges), max(problem.counts), dtype=torch.bool)
    for row, edge in enumerate(edges):
        for option, block in enumerate(edge.examples()):
            table[row, option] = isinstance(block, Skip)
    return table


def compare_skips(config: DifferencesConfig, problem: Architecture) -> loop.Search:
    """Print a row per kind; our last search, for the other questions."""
    skips = skips_of(problem)
    last: loop.Search | None = None
    print("open skips: derived networks, accuracy with the shared weights")
    for silent in (True, False):
        accuracy, kept, unsure = [], [], []
        for seed in range(config.seeds):
            last, _ = searched(config, problem, seed, silent)
            best = last.strategy.best()
            accuracy.append(100 * last.derived(best, last.plan.steps)[1].top1)
            rows = torch.arange(len(best.options))
            kept.append(float(skips[rows, torch.tensor(best.options)].sum()))
            unsure.append(entropy(last.strategy.probabilities()))
        name = "no task gradient (released)" if silent else "a candidate like others (ours)"
        print(f"  {name:<32} {spread(accuracy)} %, {spread(kept)} skips, entropy {spread(unsure)}")
    assert last is not None
    return last


def compare_statistics(config: DifferencesConfig, search: loop.Search) -> None:
    """Print the accuracy of random networks under three kinds of statistics."""
    evaluator = search.evaluator
    held_out = list(search.data.held_out.evaluation_batches(256, CPU))
    recent = list(islice(search.data.weights.stream(0, CPU), loop.STATISTICS_BATCHES))
    found: dict[str, list[float]] = {"running": [], "batch": [], "re-estimated": []}
    for _ in range(config.networks):
        network = evaluator.supernet.extract(search.strategy.sample().options)
        found["running"].append(right(network.eval(), held_out))
        with unrecorded(batch_norms(network)):
            found["batch"].append(right(network.train(), held_out))
        reestimate(network, recent)
        found["re-estimated"].append(right(network.eval(), held_out))
    print(f"statistics of batch norm: accuracy of {config.networks} sampled networks")
    for name, values in found.items():
        print(f"  {name:<32} {spread(values)} %")


def compare_first_weights(config: DifferencesConfig, problem: Architecture) -> None:
    """Print what networks reach with weights that all were trained alike, from two beginnings."""
    prices = problem.prices(Macs())
    networks = RandomChoices(prices, None, 0, config.networks).ask()
    print(f"first weights: accuracy of {config.networks} random networks, all trained alike")
    for name, zero in (("as drawn (released)", False), ("residuals as nothing (ours)", True)):
        found: list[float] = []
        for seed in range(config.seeds):
            one = RandomConfig(
                space=config.space, out=str(Path(config.out) / f"first-{zero}-{seed}"),
                dataset=config.dataset, path=config.path, limit=config.limit,
                epochs=config.epochs, seed=seed, zero_last_gamma=zero,
            )  # fmt: skip
            search = finished(problem, one, RandomChoices(prices, None, seed, 1))
            end = search.plan.steps
            scores = [search.derived(choices, end)[1].top1 for choices in networks]
            found.append(100 * statistics.mean(scores))
        print(f"  {name:<32} {spread(found)} %")


@torch.no_grad()
def right(network: torch.nn.Module, batches: list[Batch]) -> float:
    """Percent of right answers, in the mode that the network is in."""
    hits = [(network(x).argmax(dim=1) == y).float() for x, y in batches]
    return 100 * float(torch.cat(hits).mean())


def compare_baselines(config: DifferencesConfig, search: loop.Search) -> None:
    """Print how noisy the gradient is, at the logits of a finished search halved."""
    evaluator: SharedWeights = search.evaluator
    strategy = Reinforce(search.prices, None, 0.0, seed=0)
    strategy.logits.copy_(search.strategy.logits / 2)  # type: ignore[union-attr]
    assert search.data.gates is not None
    gates = search.data.gates.stream(0, CPU)
    gradients: dict[str, list[Tensor]] = {}
    released = past = 0.0
    for update in range(config.updates):
        asked, batch = strategy.ask(), next(gates)
        evidence = [evaluator.evaluate(choices, batch) for choices in asked]
        rewards = [float(seen.accuracy) for seen in evidence]
        mean = statistics.mean(rewards)
        released = mean if update == 0 else released + 0.99 * (mean - released)
        past = mean if update == 0 else past
        kinds = {
            "none": [0.0] * len(asked),
            "past rewards": [past] * len(asked),
            "this step's mean (released)": [released] * len(asked),
            "this step's others (ours)": baselines_of(rewards, past),
        }
        for name, baselines in kinds.items():
            found = strategy.gradient(asked, rewards, baselines)
            gradients.setdefault(name, []).append(found)
        past = 0.9 * past + 0.1 * mean
    print(f"baseline of REINFORCE: noise of {config.updates} gradients over their mean's length")
    for name, found in gradients.items():
        stacked = torch.stack(found[1:])  # the first has no past
        mean = stacked.mean(dim=0)
        noise = (stacked - mean).norm(dim=(1, 2)).mean()
        print(f"  {name:<32} {float(noise / mean.norm()):.2f}, length {float(mean.norm()):.2e}")


def spread(values: list[float]) -> str:
    """Mean and deviation."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.2f} +- {deviation:.2f}"


def main(config: DifferencesConfig) -> None:
    """All questions."""
    problem = Architecture(named_space(config.space))
    search = compare_skips(config, problem)
    compare_statistics(config, search)
    compare_baselines(config, search)
    compare_first_weights(config, problem)


if __name__ == "__main__":
    run_one("python -m benchmarks.paper_differences", Command(DifferencesConfig, main))
