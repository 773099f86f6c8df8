"""Does the search find better networks than chance, at equal latency, trained and measured?

For every budget: the networks that ProxylessNAS-G, ProxylessNAS-R and evolution find, ten random
networks of the same predicted latency, of which the best on held-out images counts, and the network
that looks like MobileNetV2: kernel 3, one expansion, the same depth in every stage. All are trained
by one recipe without the held-out images, tested once, and measured in one session. A finished part
is not done again.
"""

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from benchmarks.uniform import uniform_options
from examples.main_road.side_by_side import Job, run_jobs
from latency_tables.check import check_table
from latency_tables.cost import TableLatency
from latency_tables.measure import measure_space
from latency_tables.networks import Measured, measure_networks
from latency_tables.table import LatencyTable
from proxyless_nas import NetworkSpec, load_spec, named_space
from proxyless_nas.command import Command, run_one
from proxyless_nas.files import read_json, write_json
from proxyless_nas.weights import load_weights
from search.config import AnySearchConfig, EvolutionConfig, ProxylessConfig, ReinforceConfig
from search.prices import Prices
from search.problems import Architecture
from search.run import one_per_budget
from search.strategies import RandomChoices
from training.datasets import DatasetName, Reading, open_test
from training.evaluate import Evaluation, evaluate

METHODS = ("gradient", "reinforce", "evolution")
PRESETS = {
    ProxylessConfig: "proxyless",
    ReinforceConfig: "proxyless-r",
    EvolutionConfig: "evolution",
}
BAND = 0.02


class QualityConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Search, draw and build networks for some budgets; train, test and measure all of them."""

    out: str
    """Folder of the run; what is there is not done again."""
    space: str = "fashion"
    """The space."""
    dataset: DatasetName = "fashion"
    """Which data."""
    path: str | None = None
    """Folder of the data; without it the known places are tried."""
    places: tuple[float, ...] = (0.25, 0.45, 0.65)
    """Budgets, as places between the cheapest and the dearest network of the space."""
    seeds: int = 3
    """Seeds for the cheapest budget; the others have one."""
    randoms: int = 10
    """Random networks per budget and seed."""
    search_epochs: float = 8.0
    """Passes over the training images in every search."""
    search_batch: int = 32
    """Images per step of a search; each candidate learns in few of its steps, so small ones."""
    search_lr: float = 0.5
    """Peak learning rate of the supernet for 64 images per step."""
    warmup_epochs: float = 4.0
    """Those in which only weights learn, for the strategies whose logits learn."""
    epochs: int = 8
    """Passes over the training images for every network."""
    base_lr: float = 0.25
    """Peak learning rate of the final training for 64 images per step."""
    held_out: int = 5000
    """Training images that choose among random networks and train the architecture."""
    limit: int | None = None
    """Use only so many training images."""


class Entry(Struct, frozen=True):
    """One network of the comparison."""

    method: str
    budget: float
    seed: int
    spec: NetworkSpec
    folder: Path

    @property
    def name(self) -> str:
        """Unique and readable."""
        return self.spec.name


def table_of(config: QualityConfig) -> LatencyTable:
    """This machine's, calibrated; measured once."""
    path = Path(config.out) / "table.json"
    if not path.exists() or LatencyTable.load(path, allow_contended=True).calibration is None:
        measure_space(named_space(config.space), path, attempts=3)
        check_table(path, allow_contended=True)
    return LatencyTable.load(path, allow_contended=True)


def searches(
    config: QualityConfig, budgets: tuple[float, ...], seed: int
) -> dict[str, AnySearchConfig]:
    """One search per method, all budgets in one."""
    out = Path(config.out) / "searches" / str(seed)
    common: dict[str, Any] = {
        "threads": 1,
        "space": config.space,
        "table": str(Path(config.out) / "table.json"),
        "budget": budgets,
        "allow_contended": True,
        "dataset": config.dataset,
        "path": config.path,
        "limit": config.limit,
        "held_out": config.held_out,
        "epochs": config.search_epochs,
        "batch_size": config.search_batch,
        "base_lr": config.search_lr,
        "seed": seed,
    }
    learning: dict[str, Any] = {**common, "warmup_epochs": config.warmup_epochs}
    return {
        "gradient": ProxylessConfig(out=str(out / "gradient"), **learning),
        "reinforce": ReinforceConfig(
            out=str(out / "reinforce"), networks=5, arch_every=5, **learning
        ),
        "evolution": EvolutionConfig(out=str(out / "evolution"), **common),
    }


def run_searches(found: dict[str, AnySearchConfig]) -> None:
    """Two side by side, those that were not done; each gives every budget its found.json."""
    jobs: list[Job] = []
    for method, one in found.items():
        runs = one_per_budget(one)
        if all((Path(run.out) / "found.json").exists() for run in runs):
            continue
        write_json(f"{one.out}.json", one)
        words = ["-m", "search", PRESETS[type(one)], "--from", f"{one.out}.json"]
        jobs.append(Job(method, words, Path(runs[0].out), round(one.epochs)))
    run_jobs(jobs, workers=2)


def entries_of(config: QualityConfig) -> list[Entry]:
    """Every network of the comparison; the searches are run where they were not."""
    problem = Architecture(named_space(config.space))
    prices = problem.prices(TableLatency(table_of(config)))
    span = prices.most - prices.least
    budgets = tuple(round(prices.least + place * span, 5) for place in config.places)
    asked = {seed: budgets if seed == 0 else budgets[:1] for seed in range(config.seeds)}
    run_searches(
        {
            f"{method}-{seed}": one
            for seed, some in asked.items()
            for method, one in searches(config, some, seed).items()
        }
    )
    return [
        entry
        for seed, some in asked.items()
        for entry in _of_seed(config, problem, prices, some, seed)
    ]


def _of_seed(
    config: QualityConfig,
    problem: Architecture,
    prices: Prices,
    budgets: tuple[float, ...],
    seed: int,
) -> Iterator[Entry]:
    folder = Path(config.out) / "networks"
    for method, one in searches(config, budgets, seed).items():
        for run, budget in zip(one_per_budget(one), budgets, strict=True):
            name = f"{method}-{budget:g}-{seed}"
            spec = replace(load_spec(f"{run.out}/spec.json"), name=name)
            yield Entry(method, budget, seed, spec, folder / name)
    for budget in budgets:
        band = (budget * (1 - BAND), budget)
        drawn = RandomChoices(prices, band, seed, config.randoms).ask()
        options = {f"random-{i}": choices.options for i, choices in enumerate(drawn)}
        options["uniform"] = uniform_options(problem, prices, budget)
        for kind, chosen in options.items():
            name = f"{kind}-{budget:g}-{seed}"
            method = kind.partition("-")[0]
            yield Entry(method, budget, seed, problem.decode(chosen, name), folder / name)


def train(config: QualityConfig, entries: list[Entry]) -> None:
    """By one recipe, two side by side; result.json of each is its score on held-out images."""
    jobs: list[Job] = []
    for entry in entries:
        if (entry.folder / "result.json").exists():
            continue
        entry.spec.save(str(entry.folder / "arch.json"))
        flags = {
            "--arch": entry.folder / "arch.json",
            "--out": entry.folder,
            "--dataset": config.dataset,
            "--path": config.path,
            "--limit": config.limit,
            "--held-out": config.held_out,
            "--epochs": config.epochs,
            "--batch-size": 128,
            "--base-lr": config.base_lr,
            "--warmup-epochs": 1,
            "--wd": 1e-4,
            "--threads": 1,
            "--seed": entry.seed,
            "--checkpoint-seconds": 60,
        }
        words = [str(word) for pair in flags.items() if pair[1] is not None for word in pair]
        more = ["--nesterov", "--val-every", "None", "--label-smoothing", "--shift", "2"]
        jobs.append(Job(entry.name, ["main.py", *words, *more], entry.folder, config.epochs))
    run_jobs(jobs, workers=2)


def test(config: QualityConfig, entries: list[Entry]) -> None:
    """test.json of each: its score on the test images, read once."""
    missing = [entry for entry in entries if not (entry.folder / "test.json").exists()]
    if not missing:
        return
    reading = Reading(resolution=entries[0].spec.input.height)
    exam = open_test(config.dataset, config.path, reading)
    for entry in missing:
        network = entry.spec.build()
        load_weights(network, entry.folder / "weights.pt")
        write_json(entry.folder / "test.json", evaluate(network, exam.test_batches(500)))


def measure(config: QualityConfig, entries: list[Entry]) -> dict[str, Measured]:
    """All of them in one session."""
    path = Path(config.out) / "measured.json"
    if not path.exists():
        table = table_of(config)
        seen = measure_networks(
            [entry.spec for entry in entries],
            visits=40,
            protocol=table.head.identity.protocol,
        )
        write_json(path, dict(zip([entry.name for entry in entries], seen, strict=True)))
    return read_json(path, dict[str, Measured])


def main(config: QualityConfig) -> None:
    """Everything, then one table."""
    entries = entries_of(config)
    train(config, entries)
    test(config, entries)
    measured = measure(config, entries)
    cost = TableLatency(table_of(config))
    print(f"{'budget, us':<12}{'method':<22}{'seeds':>6}{'test accuracy, %':>20}"
          f"{'predicted, us':>15}{'measured, us':>15}")  # fmt: skip
    for budget in sorted({entry.budget for entry in entries}):
        here = [entry for entry in entries if entry.budget == budget]
        for name, chosen in _rows(here).items():
            accuracy = [100 * _score(entry, "test.json").top1 for entry in chosen]
            predicted = statistics.mean(cost.network(entry.spec) for entry in chosen)
            took = statistics.mean(measured[entry.name].p10_ms for entry in chosen)
            print(f"{1000 * budget:<12.1f}{name:<22}{len(chosen):>6}{_spread(accuracy):>20}"
                  f"{1000 * predicted:>15.1f}{1000 * took:>15.1f}")  # fmt: skip


def _rows(entries: list[Entry]) -> dict[str, list[Entry]]:
    rows = {method: [e for e in entries if e.method == method] for method in METHODS}
    randoms = [entry for entry in entries if entry.method == "random"]
    seeds = sorted({entry.seed for entry in randoms})
    rows["random, best of ten"] = [
        max((e for e in randoms if e.seed == seed), key=lambda e: _score(e, "result.json").top1)
        for seed in seeds
    ]
    rows["random, all"] = randoms
    rows["uniform"] = [entry for entry in entries if entry.method == "uniform"]
    return rows


def _score(entry: Entry, name: str) -> Evaluation:
    return read_json(entry.folder / name, Evaluation)


def _spread(values: list[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.2f}"
    return f"{statistics.mean(values):.2f} +- {statistics.stdev(values):.2f}"


if __name__ == "__main__":
    run_one("python -m benchmarks.search_quality", Command(QualityConfig, main))
