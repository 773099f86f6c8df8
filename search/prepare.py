"""From a config to what a search needs: prices, a strategy, data, a supernet."""

from pathlib import Path

import torch

from latency_tables.shipped import table_file
from proxyless_nas import Space, drop_paths
from proxyless_nas.network import silence_residuals
from search import loop
from search.config import (
    AnySearchConfig,
    EvolutionConfig,
    JudgingConfig,
    LearningConfig,
    ProxylessConfig,
    RandomConfig,
    ReinforceConfig,
)
from search.costs import TABLE_COSTS, cost_model
from search.evaluators import SharedWeights
from search.kept import kept_prices
from search.limits import within_memory
from search.objective import Objective
from search.prices import Prices
from search.problems import Architecture
from search.strategies import (
    AllPaths,
    AnyStrategy,
    Evolution,
    RandomChoices,
    Reinforce,
    TwoPaths,
)
from search.supernet import Supernet
from training.datasets import Dataset, Reading, Share, open_dataset
from training.optimizer import sgd
from training.prepare import share_of_cores
from training.workers import Workers

ROUNDED_UP = 1.001


def problem_of(space: Space, peak_memory: float | None) -> Architecture:
    """What is decided: all of a space, or what keeps within `peak_memory` bytes of feature maps."""
    problem = Architecture(space if peak_memory is None else within_memory(space, peak_memory))
    if not problem.counts:
        raise ValueError(f"space {space.name} has nothing to choose")
    return problem


def prices_of(problem: Architecture, config: AnySearchConfig) -> Prices:
    """What the options cost; nothing where there is no budget and nothing to price them by.

    A begun search whose table is gone goes on at the prices that it has kept.
    """
    tabled = config.cost in TABLE_COSTS
    if tabled and not config.budget and config.table is None:
        return Prices.free(problem.counts)
    if tabled:
        problem.space.must_be_blockwise()
        gone = config.table is not None and not table_file(config.table).exists()
        if gone and (known := kept_prices(Path(config.out))) is not None:
            return known
    cost = cost_model(config.cost, config.table, config.space, config.allow_contended)
    return problem.prices(cost)


def strategy_of(config: AnySearchConfig, prices: Prices) -> AnyStrategy:
    """The strategy of a preset; ValueError for a budget that nothing can meet."""
    budget = config.budget[0] if config.budget else None
    if budget is not None and budget < prices.least:
        raise ValueError(
            f"budget {budget:g} {prices.unit} cannot be met: the cheapest network of space "
            f"{config.space} is predicted to cost {prices.least:.4g}; ask for at least "
            f"{prices.least * ROUNDED_UP:.4g}"
        )
    if isinstance(config, LearningConfig):
        return learning_of(config, prices, budget)
    band = None
    if budget is not None:
        high = min(budget, prices.most)
        band = (high * (1 - config.tolerance), high)
    if isinstance(config, EvolutionConfig):
        return Evolution(
            prices, band, config.seed, config.networks, config.parents, config.mutation
        )
    assert isinstance(config, RandomConfig)
    return RandomChoices(prices, band, config.seed, config.networks)


def learning_of(config: LearningConfig, prices: Prices, budget: float | None) -> AnyStrategy:
    """The strategies whose logits learn."""
    objective = None
    if budget is not None:
        loss = config.cost_loss if isinstance(config, ProxylessConfig) else "add"
        if loss == "mul-log" and prices.least <= 1:
            raise ValueError(
                f"--cost-loss mul-log takes logarithms: networks of space {config.space} cost down "
                f"to {prices.least:.4g} {prices.unit}, not above 1; use --cost-loss add"
            )
        objective = Objective(
            budget, config.tolerance, loss, config.cost_weight, config.meet_budget
        )
    if isinstance(config, ReinforceConfig):
        return Reinforce(
            prices, objective, config.arch_lr, config.seed, config.networks, config.baseline_decay
        )
    assert isinstance(config, ProxylessConfig)
    kind = TwoPaths if config.paths == "two" else AllPaths
    return kind(prices, objective, config.arch_lr, config.seed)


def dataset_of(problem: Architecture, config: AnySearchConfig, workers: Workers) -> Dataset:
    """Training images without the held-out ones, and those as its test images."""
    space = problem.space
    decoders = config.workers if config.workers is not None else share_of_cores(workers)
    reading = Reading(resolution=space.input.height, workers=decoders)
    data = open_dataset(config.dataset, config.path, reading, config.limit)
    data.must_fit(space.input, space.classifier.classes)
    return data.split(config.held_out, config.seed)


def data_and_plan(
    problem: Architecture, config: AnySearchConfig, device: torch.device, workers: Workers
) -> tuple[loop.Data, loop.Plan]:
    """What is learned from, and for how long."""
    parts = dataset_of(problem, config, workers)
    share = Share(workers.rank, workers.size)
    batch = config.batch_size * workers.size
    if isinstance(config, LearningConfig) and batch > len(parts.test):
        raise ValueError(
            f"an architecture step takes {batch} of the held-out images, and these are "
            f"{len(parts.test)}: raise --held-out, or lower --batch-size"
        )
    weights = parts.train_batches(batch, config.seed, share=share)
    mine = torch.arange(workers.rank, len(parts.test), workers.size)
    judged = None
    if isinstance(config, JudgingConfig):
        each = min(-(-config.judged_on // workers.size), len(parts.test) // workers.size)
        some = parts.test.subset(mine[:each])  # as many in every worker: their means weigh alike
        judged = next(some.evaluation_batches(len(some), device))
    data = loop.Data(
        weights=weights,
        gates=None if judged else parts.test.batches(batch, config.seed + 1, share=share),
        held_out=parts.test.subset(mine),
        judged=judged,
    )
    per_epoch = weights.steps_per_epoch
    steps = round(config.epochs * per_epoch)
    learning = isinstance(config, LearningConfig)
    rounds = config.generations if isinstance(config, EvolutionConfig) else int(not learning)
    plan = loop.Plan(
        steps=steps,
        warmup=round(config.warmup_epochs * per_epoch) if learning else steps,
        per_epoch=per_epoch,
        arch_every=config.arch_every if isinstance(config, LearningConfig) else 1,
        rounds=rounds,
        peak_lr=config.base_lr * batch / 64,
        checkpoint_seconds=config.checkpoint_seconds,
    )
    return data, plan


def evaluator_of(
    problem: Architecture, config: AnySearchConfig, device: torch.device, workers: Workers
) -> SharedWeights:
    """The supernet with seeded weights, and its optimizer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        supernet = Supernet(problem.space)
    if config.zero_last_gamma:
        silence_residuals(supernet)
    if config.path_drop:
        drop_paths(supernet, config.path_drop)
    supernet.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = sgd(supernet, config.base_lr, config.momentum, config.wd)
    keep = config.keep if isinstance(config, ProxylessConfig) else "outputs"
    return SharedWeights(
        supernet,
        optimizer,
        keep,
        config.label_smoothing,
        config.precision,
        config.seed,
        workers,
    )
