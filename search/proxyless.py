"""ProxylessNAS-G from end to end: a space, a table and a target in, a network out."""

from pathlib import Path

import torch
from msgspec import Struct

from latency_tables.cost import TableLatency
from latency_tables.table import LatencyTable, measure_command
from proxyless_nas import named_space
from proxyless_nas.files import write_json
from search import loop
from search.config import ProxylessConfig
from search.evaluators import SharedWeights
from search.objective import Objective
from search.problems import Architecture
from search.strategies import GateGradient
from search.supernet import Supernet
from training.datasets import Reading, open_dataset
from training.optimizer import sgd
from training.run_folder import RunFolder

US_PER_MS = 1000.0


class Found(Struct, frozen=True, forbid_unknown_fields=True):
    """What a search says of its result; written as found.json beside spec.json."""

    options: tuple[int, ...]
    probabilities: tuple[float, ...]
    target_ms: float
    predicted_ms: float
    logits: list[list[float | None]]


def search(config: ProxylessConfig) -> None:
    """Run the search and write spec.json and found.json into `config.out`."""
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    problem = Architecture(named_space(config.space))
    strategy = make_strategy(problem, config)
    space = problem.space
    reading = Reading(resolution=space.input.height)
    data = open_dataset(config.dataset, config.path, reading, config.limit)
    data.must_fit(space.input, space.classifier.classes)
    parts = data.split(config.held_out, config.seed)
    batches = loop.Data(
        weights=parts.train_batches(config.batch_size, config.seed),
        gates=parts.test.batches(config.batch_size, config.seed + 1),
        held_out=list(parts.test_batches(256)),
    )
    per_epoch = batches.weights.steps_per_epoch
    plan = loop.Plan(
        steps=round(config.epochs * per_epoch),
        warmup=round(config.warmup_epochs * per_epoch),
        per_epoch=per_epoch,
        arch_every=config.arch_every,
        peak_lr=config.base_lr * config.batch_size / 64,
        checkpoint_seconds=config.checkpoint_seconds,
    )
    folder = RunFolder(config.out, config)
    evaluator = make_evaluator(problem, config)
    loop.run(problem, strategy, evaluator, batches, plan, folder)
    _write_result(problem, strategy, config, folder.path)


def make_strategy(problem: Architecture, config: ProxylessConfig) -> GateGradient:
    """The strategy with prices from the table; ValueError for a target that nothing can meet."""
    table = LatencyTable.load(config.table, config.allow_contended)
    if table.head.identity.space != config.space:
        raise ValueError(
            f"{config.table} is a table of space {table.head.identity.space}, not of "
            f"{config.space}; measure one: {measure_command(config.space, 'FILE')}"
        )
    fixed, prices = problem.prices(TableLatency(table))
    least = fixed + sum(float(row.min()) for row in prices)
    if config.target_ms < least:
        raise ValueError(
            f"target {config.target_ms:g} ms cannot be met: the fastest network of space "
            f"{config.space} is predicted to take {least:.4g} ms; ask for at least that"
        )
    objective = Objective(
        config.target_ms * US_PER_MS, config.tolerance, config.cost_loss, config.cost_weight
    )
    in_us = [row * US_PER_MS for row in prices]
    return GateGradient(in_us, fixed * US_PER_MS, objective, config.arch_lr, config.seed)


def make_evaluator(problem: Architecture, config: ProxylessConfig) -> SharedWeights:
    """The supernet with seeded weights, and its optimizer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        supernet = Supernet(problem.space)
    supernet.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = sgd(supernet, config.base_lr, config.momentum, config.wd)
    return SharedWeights(supernet, optimizer)


def _write_result(
    problem: Architecture, strategy: GateGradient, config: ProxylessConfig, path: Path
) -> None:
    best = strategy.best()
    spec = problem.decode(best.options, "searched")
    probabilities = strategy.probabilities()
    found = Found(
        options=best.options,
        probabilities=tuple(
            float(row[option]) for row, option in zip(probabilities, best.options, strict=True)
        ),
        target_ms=config.target_ms,
        predicted_ms=strategy.cost(best) / US_PER_MS,
        logits=[
            [value if value != -torch.inf else None for value in row]
            for row in strategy.logits.tolist()
        ],
    )
    write_json(path / "found.json", found)
    spec.save(str(path / "spec.json"))
    print(
        f"searched network: predicted {found.predicted_ms:.4f} ms for a target of "
        f"{config.target_ms:.4f} ms, {spec.macs / 1e6:.2f} M MACs, "
        f"{spec.parameters:,} parameters; {path / 'spec.json'}"
    )
    for knob, option, p in zip(problem.knobs, found.options, found.probabilities, strict=True):
        print(f"  {knob.name:<10} {knob.labels[option]:<13} p = {p:.3f}")
