"""From a config to a result: a space, a table and budgets in, a network for each out."""

import json
import shutil
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec
import torch
from msgspec import Struct

from proxyless_nas import Network
from proxyless_nas.files import write_bytes, write_json
from proxyless_nas.weights import save_tensors
from search import loop
from search.choices import Choices
from search.config import AnySearchConfig
from search.kept import keep, space_to_search
from search.prepare import data_and_plan, evaluator_of, prices_of, problem_of, strategy_of
from search.problems import Architecture
from search.strategies import AnyStrategy
from training.device import keep_freed_memory, pick_device
from training.prepare import share_of_cores
from training.run_folder import RunFolder, read_log
from training.workers import Workers, first_speaks, join_workers

MAY_DIFFER = ("threads", "workers", "checkpoint_seconds", "path", "distributed", "device")


class Found(Struct, frozen=True, forbid_unknown_fields=True):
    """What a search says of its result; written as found.json beside spec.json and weights.pt.

    `valid_accuracy` is with the supernet's weights, on the held-out images that chose the
    architecture: it flatters, and only tells searches of one kind apart.
    """

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
        each = one_per_budget(config)
        space = space_to_search(Path(each[0].out), config.space)
        problem = problem_of(space, config.peak_memory)
        runs = [(one, strategy_of(one, prices_of(problem, one))) for one in each]
        for _, strategy in runs:
            strategy.best()  # what cannot be met is told before anything starts
        with join_workers(config.distributed, device.type == "cuda") as workers:
            torch.set_num_threads(config.threads or share_of_cores(workers))
            if device.type == "cpu":
                keep_freed_memory()
            shared = Path(runs[0][0].out) if len(runs) > 1 else None
            for one, strategy in runs:
                search_one(problem, strategy, one, device, workers, shared)


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
    best = strategy.best()
    own = {"options": list(best.options), "derived": strategy.prices.of(best.options)}
    shared = [line for line in read_log(first / loop.LOG) if line["phase"] == "warm-up"]
    lines = [{**line, **own} for line in shared]
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
    shared: Path | None,
) -> None:
    """One budget, or none, from start or checkpoint to the result.

    `shared` is the folder of the first of several budgets: its warm-up is that of all.
    """
    data, plan = data_and_plan(problem, config, device, workers)
    evaluator = evaluator_of(problem, config, device, workers)
    with folder_of(config, workers) as folder:
        if folder is not None:
            keep(folder.path, problem.space, strategy.prices)
            if shared is not None:
                start_warm(folder.path, shared, strategy)
        one = loop.Search(problem, strategy, evaluator, data, plan, folder)
        one.run(keep_warm=shared is not None)
        workers.must_agree(list(evaluator.supernet.state_dict().values()))
        best = strategy.best()
        network, score = one.derived(best, plan.steps)
        if folder is not None:
            found = found_by(strategy, best, score.top1, config)
            write_result(problem, found, network, folder.path)
            if found.budget and found.predicted < (1 - config.tolerance) * found.budget:
                print(
                    f"this is {1 - found.predicted / found.budget:.1%} below the budget: the "
                    "strategy found no network nearer to it (the dearest costs "
                    f"{strategy.prices.most:.4g})"
                )


def folder_of(
    config: AnySearchConfig, workers: Workers
) -> AbstractContextManager[RunFolder | None]:
    """The run folder in the first worker, nothing in the others."""
    if not workers.first:
        return nullcontext()
    return RunFolder(config.out, config, MAY_DIFFER, journals=(loop.TRIES,))


def found_by(
    strategy: AnyStrategy, best: Choices, accuracy: float, config: AnySearchConfig
) -> Found:
    """What is said of the `best` network."""
    return Found(
        options=best.options,
        probabilities=tuple(
            float(row[option])
            for row, option in zip(strategy.probabilities(), best.options, strict=True)
        ),
        valid_accuracy=accuracy,
        predicted=strategy.prices.of(best.options),
        unit=strategy.prices.unit,
        budget=config.budget[0] if config.budget else None,
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
