"""Does a search meet its budget, as predicted and as measured, wherever in the space it lies?

For each table one search with several budgets, spread evenly between the cheapest and the dearest
network of the space. All networks found are measured by the table's runtime in one session.
"""

import statistics
from pathlib import Path

from msgspec import Struct

from latency_tables.cost import TableLatency
from latency_tables.networks import measure_networks
from latency_tables.runtimes import runtime_of
from latency_tables.table import LatencyTable
from proxyless_nas import load_spec, named_space
from proxyless_nas.command import Command, run_one
from proxyless_nas.files import read_json
from search.config import ProxylessConfig
from search.prepare import problem_of
from search.run import Found, one_per_budget, search
from training.datasets import DatasetName


class BudgetsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Search for several budgets and measure what was found."""

    tables: tuple[str, ...]
    """Calibrated tables of this machine; one search for each."""
    out: str
    """Folder of the searches; a finished one is not done again."""
    places: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    """Budgets, as places between the cheapest and the dearest network of the space."""
    dataset: DatasetName = "fashion"
    """Which data."""
    path: str | None = None
    """Folder of the data; without it the known places are tried."""
    limit: int | None = 12000
    """Use only so many training images."""
    epochs: float = 6.0
    """Passes over the training images, for each search."""
    warmup_epochs: float = 2.0
    """Those in which only weights learn, once for all budgets of a table."""
    visits: int = 60
    """Visits to each network."""
    seed: int = 42
    """Seed of the searches and of the order of visits."""


def search_of(config: BudgetsConfig, path: str) -> ProxylessConfig:
    """The search with one table."""
    table = LatencyTable.load(path, allow_contended=True)
    space = table.head.identity.space
    prices = problem_of(named_space(space), None).prices(TableLatency(table))
    span = prices.most - prices.least
    return ProxylessConfig(
        space=space,
        table=path,
        allow_contended=True,
        budget=tuple(round(prices.least + place * span, 6) for place in config.places),
        out=str(Path(config.out) / Path(path).stem),
        dataset=config.dataset,
        path=config.path,
        limit=config.limit,
        epochs=config.epochs,
        warmup_epochs=config.warmup_epochs,
        seed=config.seed,
    )


def main(config: BudgetsConfig) -> None:
    """Search with every table, then measure table by table."""
    for path in config.tables:
        wanted = search_of(config, path)
        runs = one_per_budget(wanted)
        if not all((Path(run.out) / "found.json").exists() for run in runs):
            search(wanted)
    print(f"{'table':<26}{'budget, ms':>12}{'predicted':>11}{'measured':>10}"
          f"{'at table speed':>22}{'halves':>8}")  # fmt: skip
    for path in config.tables:
        tell(config, path)


def tell(config: BudgetsConfig, path: str) -> None:
    """One line per budget, as differences from it, and the mean of their sizes."""
    table = LatencyTable.load(path, allow_contended=True)
    identity = table.head.identity
    runs = one_per_budget(search_of(config, path))
    found = [read_json(Path(run.out) / "found.json", Found) for run in runs]
    seen = measure_networks(
        [load_spec(f"{run.out}/spec.json") for run in runs],
        visits=config.visits,
        runtime=runtime_of(identity),
        protocol=identity.protocol,
        batch=identity.batch,
        seed=config.seed,
    )
    off: list[tuple[float, float, float]] = []
    for run, one, timed in zip(runs, found, seen, strict=True):
        budget = run.budget[0]
        costs = (one.predicted, timed.p10_ms, timed.at_table_speed(table))
        off.append(tuple(cost / budget - 1 for cost in costs))  # type: ignore[arg-type]
        print(f"{Path(path).stem:<26}{budget:>12.5f}{off[-1][0]:>+11.2%}{off[-1][1]:>+10.2%}"
              f"{off[-1][2]:>+22.2%}{timed.halves:>8.2%}")  # fmt: skip
    means = [statistics.mean(map(abs, column)) for column in zip(*off, strict=True)]
    print(f"{'  mean of sizes':<38}{means[0]:>11.2%}{means[1]:>10.2%}{means[2]:>22.2%}")
    if seen[0].contended:
        print(f"  the machine was busy: {seen[0].contended}")


if __name__ == "__main__":
    run_one("python -m benchmarks.budgets", Command(BudgetsConfig, main))
