"""From a config to a result: a space, a table and budgets in, a network for each out."""

import json
import shutil
from pathlib import Path

import msgspec
import torch
from msgspec import Struct

from proxyless_nas import Network, drop_paths, named_space
from proxyless_nas.files import write_bytes, write_json
from proxyless_nas.weights import save_tensors
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
from search.costs import cost_model
from search.evaluators import SharedWeights
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
from training.device import keep_freed_memory, pick_device
from training.optimizer import sgd
from training.prepare import share_of_cores
from training.run_folder import RunFolder, read_log
from training.workers import Workers, first_speaks, join_workers

ROUNDED_UP = 1.001
MAY_DIFFER = ("threads", "workers", "checkpoint_seconds", "path", "distributed", "device")


class Found(Struct, frozen=True, forbid_unknown_fields=True):
    """What a search says of its result; written as found.json beside spec.json and weights.pt."""

    options: tuple[int, ...]
    probabilities: tuple[float, ...]
    valid_accuracy: float
    predicted: float
    unit: str
    budget: float | None


def search(config: AnySearchConfig) -> None:
    """Search for every budget and write spec.json, weights.pt and found.json for each."""
    with first_speaks():
        device = pick_device(config.device)
        problem = Architecture(named_space(config.space))
        if not problem.counts:
            raise ValueError(f"space {config.space} has nothing to choose")
        runs = [(one, strategy_of(one, prices_of(problem, one))) for one in one_per_budget(config)]
        for _, strategy in runs:
            strategy.best()  # what cannot be met is told before anything starts
        with join_workers(config.distributed, device.type == "cuda") as workers:
            torch.set_num_threads(config.threads or share_of_cores(workers))
            if device.type == "cpu":
                keep_freed_memory()
            first = Path(runs[0][0].out)
            for one, strategy in runs:
                if workers.first:
                    start_warm(Path(one.out), first, strategy)
                search_one(problem, strategy, one, device, workers, keep_warm=len(runs) > 1)


def one_per_budget(config: AnySearchConfig) -> list[AnySearchConfig]:
    """The same search for each budget alone; several have folders of their own."""
    if len(config.budget) < 2:
        return [config]
    if len(set(config.budget)) < len(config.budget):
        raise ValueError(f"--budget {' '.join(map(str, config.budget))} names one twice")
    return [
        msgspec.structs.replace(config, budget=(budget,), out=f"{config.out}/{budget:.12g}")
        for budget in config.budget
    ]


def start_warm(folder: Path, first: Path, strategy: AnyStrategy) -> None:
    """Let a search that has not begun start behind the warm-up of the `first` one.

    Its log begins with the lines of that warm-up, but with what its own `strategy` would have
    derived; how accurate that was nobody looked.
    """
    warm = first / loop.WARM
    if folder == first or (folder / "last.pt").exists() or not warm.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    best = strategy.best()
    own = {"options": list(best.options), "derived": strategy.prices.of(best.options)}
    lines = [{**line, **own} for line in read_log(first / loop.LOG)]
    for line in lines:
        line.pop("valid_accuracy", None)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    write_bytes(folder / loop.LOG, text.encode())
    shutil.copyfile(warm, folder / "last.pt.new")
    (folder / "last.pt.new").rename(folder / "last.pt")


def search_one(
    problem: Architecture,
    strategy: AnyStrategy,
    config: AnySearchConfig,
    device: torch.device,
    workers: Workers,
    keep_warm: bool,
) -> None:
    """One budget, or none, from start or checkpoint to the result."""
    data, plan = data_and_plan(problem, config, device, workers)
    evaluator = evaluator_of(problem, config, device, workers)
    folder = (
        RunFolder(config.out, config, MAY_DIFFER, journals=(loop.TRIES,)) if workers.first else None
    )
    prices = strategy.prices
    one = loop.Search(problem, prices, strategy, evaluator, data, plan, folder)
    one.run(keep_warm)
    workers.must_agree(list(evaluator.supernet.state_dict().values()))
    best = strategy.best()
    network, score = one.derived(best, plan.steps)
    if folder is not None:
        found = Found(
            options=best.options,
            probabilities=tuple(
                float(row[option])
                for row, option in zip(strategy.probabilities(), best.options, strict=True)
            ),
            valid_accuracy=score.top1,
            predicted=prices.of(best.options),
            unit=prices.unit,
            budget=config.budget[0] if config.budget else None,
        )
        write_result(problem, found, network, folder.path)
        if found.budget and found.predicted < (1 - config.tolerance) * found.budget:
            print(
                f"this is {1 - found.predicted / found.budget:.1%} below the budget: the strategy "
                f"found no network nearer to it (the dearest costs {prices.most:.4g})"
            )
        folder.close()


def prices_of(problem: Architecture, config: AnySearchConfig) -> Prices:
    """What the options cost; nothing where there is no budget and nothing to price them by."""
    if not config.budget and config.table is None and config.cost in ("latency", "energy"):
        return Prices.free(problem.counts)
    cost = cost_model(config.cost, config.table, config.space, config.allow_contended)
    return Prices(*problem.prices(cost), cost.unit)


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
        some = parts.test.subset(mine[: -(-config.judged_on // workers.size)])
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


def write_result(problem: Architecture, found: Found, network: Network, path: Path) -> None:
    """spec.json, weights.pt and found.json; what they say is printed."""
    spec = problem.decode(found.options, "searched")
    save_tensors(path / "weights.pt", network.state_dict())
    spec.save(str(path / "spec.json"))
    write_json(path / "found.json", found)
    meant = "" if found.budget is None else f" for a budget of {found.budget:.4g}"
    costs = f"{found.predicted:.4g} {found.unit} predicted{meant}, " if found.unit else ""
    print(
        f"found a network: {costs}{found.valid_accuracy:.2%} of the held-out images right with "
        f"the supernet's weights, {spec.macs / 1e6:.2f} M MACs, {spec.parameters:,} parameters; "
        f"{path / 'spec.json'}"
    )
    for knob, option, p in zip(problem.knobs, found.options, found.probabilities, strict=True):
        print(f"  {knob.name:<10} {knob.labels[option]:<13} p = {p:.3f}")
