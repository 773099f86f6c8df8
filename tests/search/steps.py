"""Run by several workers: some search steps on this worker's part of given batches, then a record.

python -m tests.search.steps FOLDER
"""

import sys
from pathlib import Path

import torch

from proxyless_nas.weights import save_tensors
from search.evaluators import SharedWeights
from search.strategies import TwoPaths
from tests.search.helpers import make_batch, make_objective, make_prices, make_supernet
from training.optimizer import sgd
from training.workers import Workers, join_workers

STEPS, BATCH = 3, 8


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


def main(folder: Path) -> None:
    """Join, search, and write rank<N>.pt."""
    torch.set_num_threads(1)
    with join_workers("auto", cuda=False) as workers:
        save_tensors(folder / f"rank{workers.rank}.pt", run_steps(workers))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
