"""Run by several workers: some steps on this worker's part of given batches, then a record.

python -m tests.training.workers.steps FOLDER
"""

import sys
from pathlib import Path

import torch

from proxyless_nas.weights import save_tensors
from tests.training.learning import images, learner, plain_network
from training.learner import Learner
from training.workers import Workers, join_workers

BATCH, STEPS = 16, 3
WAYS = {"1": (1, False), "2": (2, False), "half": (1, True)}
"""Passes per step, and whether messages are in half precision."""
Parts = list[tuple[torch.Tensor, torch.Tensor]]


def parts_of(step: int, workers: Workers, passes: int) -> Parts:
    """This worker's micro-batches of a step whose images are the same whoever asks."""
    x, y = images(BATCH, seed=step)
    cuts = workers.size * passes
    mine = slice(workers.rank * passes, (workers.rank + 1) * passes)
    return list(zip(x.chunk(cuts), y.chunk(cuts), strict=True))[mine]


def record(one: Learner, workers: Workers, passes: int) -> dict[str, torch.Tensor]:
    """Loss and gradients of every step, and the parameters after the last one."""
    seen: dict[str, torch.Tensor] = {}
    for step in range(STEPS):
        seen[f"loss.{step}"] = one.step(step, parts_of(step, workers, passes))
        for name, p in one.network.named_parameters():
            assert p.grad is not None
            seen[f"gradient.{step}.{name}"] = p.grad.clone()
    return seen | {name: p.detach() for name, p in one.network.named_parameters()}


def learn(workers: Workers, folder: Path, passes: int, fp16: bool) -> None:
    """Learn one way and write rank<N>.pt."""
    one = learner(plain_network(), workers, passes=passes, fp16_allreduce=fp16)
    one.restore(workers.broadcast(one.state()))
    seen = record(one, workers, passes)
    assert one.workers.must_agree(list(one.network.state_dict().values()))
    save_tensors(folder / f"rank{workers.rank}.pt", seen)


def main(folder: Path) -> None:
    """Join, learn in all ways, leave; no thread that carried messages may outlive that.

    One that did would now and then abort a process that ends: it needs an interpreter to let go of
    its last tensor.
    """
    torch.set_num_threads(1)
    with join_workers("auto", cuda=False) as workers:
        for name, (passes, fp16) in WAYS.items():
            learn(workers, folder / name, passes, fp16)
    threads = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    assert not [name for name in threads if "gloo" in name], threads


if __name__ == "__main__":
    main(Path(sys.argv[1]))
