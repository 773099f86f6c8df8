"""Run by several workers: some search steps, a whole search, a record of both; a broken search.

python -m tests.search.steps FOLDER
"""

import shutil
import sys
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import torch
from msgspec.structs import replace

from proxyless_nas.weights import save_tensors
from search import loop
from search.evaluators import SharedWeights
from search.prepare import data_and_plan, evaluator_of, prices_of, strategy_of
from search.problems import Architecture
from search.run import folder_of
from search.strategies import TwoPaths
from tests.search.helpers import SPACE, make_batch, make_objective, make_prices, make_supernet
from tests.search.running import EVERY_SECOND, run, run_killed, tiny
from training.optimizer import sgd
from training.run_folder import read_log
from training.workers import Workers, join_workers

STEPS, BATCH = 3, 8
BATCHES = 24
SMALL = {"base_lr": 0.03, "arch_lr": 0.02, "epochs": 1.0}
"""Steps that do not blow up the roundings in which two halves differ from a whole."""
WHOLE, DERIVED = "search.", "derived."


def run_steps(workers: Workers) -> dict[str, torch.Tensor]:
    """Weights, running statistics, logits and losses after weight and architecture steps.

    No batch norm takes the statistics of its batch: those of two halves are not those of the whole.
    """
    supernet = make_supernet().eval()
    evaluator = SharedWeights(supernet, sgd(supernet, 0.05, 0.9, 1e-3), workers=workers)
    strategy = TwoPaths(make_prices(), make_objective(), 0.05, 7)
    seen: dict[str, torch.Tensor] = {}
    for step in range(STEPS):
        x, y = make_batch(size=BATCH)
        part = (x.chunk(workers.size)[workers.rank], y.chunk(workers.size)[workers.rank])
        seen[f"loss.{step}"] = evaluator.learn(step, strategy.sample(), part)
        asked = strategy.ask()
        evidence = [evaluator.evaluate(choices, part) for choices in asked]
        strategy.tell(asked, evidence)
        slopes = evidence[0].slopes
        assert slopes is not None
        seen[f"slopes.{step}"], seen[f"gate_loss.{step}"] = slopes, evidence[0].loss
        seen[f"accuracy.{step}"] = evidence[0].accuracy
    return seen | {"logits": strategy.logits} | dict(supernet.state_dict())


def run_search(workers: Workers, folder: Path) -> dict[str, torch.Tensor]:
    """Weights, logits, judgements and the derived network of a search from start to end.

    As above no batch norm of the supernet takes the statistics of its batch. Those of the derived
    network are estimated: `mean` is the one of them that no other estimate comes before.
    """
    config = replace(tiny("two paths", folder), batch_size=BATCHES // workers.size, **SMALL)
    problem, device = Architecture(SPACE), torch.device("cpu")
    strategy = strategy_of(config, prices_of(problem, config))
    assert isinstance(strategy, TwoPaths)
    data, plan = data_and_plan(problem, config, device, workers)
    evaluator = evaluator_of(problem, config, device, workers)
    evaluator.supernet.eval()
    with folder_of(config, workers) as run:
        one = loop.Search(problem, strategy, evaluator, data, plan, run)
        one.run()
        network, _ = one.derived(strategy.best(), plan.steps)
    tries = workers.broadcast(read_log(folder / loop.TRIES))
    judged = [[one["loss"], one["accuracy"], *one["options"]] for one in tries]
    derived = {f"{DERIVED}{name}": value for name, value in network.state_dict().items()}
    seen = {"logits": strategy.logits, "judged": torch.tensor(judged)}
    seen |= {"mean": derived[f"{DERIVED}stem.bn.running_mean"]}
    seen |= dict(evaluator.supernet.state_dict())
    return {f"{WHOLE}{name}": value for name, value in (seen | derived).items()}


def run_broken(workers: Workers, folder: Path) -> None:
    """A search that all workers leave at the same moment and go on with, beside an unbroken one."""
    broken = tiny("two paths", folder / "broken", checkpoint_seconds=EVERY_SECOND)
    with mock.patch("search.run.join_workers", lambda *_: nullcontext(workers)):
        run(tiny("two paths", folder / "whole"), chance=workers.rank)
        run_killed(broken, 3 + 4 * 2 + 2)  # in the eighth of nine steps, three of them warm up
        if workers.first:
            shutil.copyfile(folder / "broken" / "last.pt", folder / "kept.pt")
        run(broken, chance=2 + workers.rank)


def main(folder: Path) -> None:
    """Join, search, and write rank<N>.pt, whole/ and broken/."""
    torch.set_num_threads(1)
    with join_workers("auto", cuda=False) as workers:
        seen = run_steps(workers) | run_search(workers, folder / "run")
        save_tensors(folder / f"rank{workers.rank}.pt", seen)
        run_broken(workers, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
