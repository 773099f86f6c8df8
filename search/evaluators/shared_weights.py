"""Judge a network by weights that it shares with every other network of the space."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim

from proxyless_nas import Network
from proxyless_nas.blocks.drop_path import DropPath
from search.choices import Choices, Evidence
from search.gates import Keep
from search.paths import PathOptimizer
from search.supernet import Supernet
from training.batch_norm import batch_norms, reestimate, statistics, unrecorded
from training.datasets import Batch
from training.datasets.chance import reseed
from training.losses import LabelLoss
from training.workers import Alone, Workers

SupernetFormat = Literal["float32", "bf16"]
ALONE = Alone()


class SharedWeights:
    """A supernet and its optimizer, the same in every worker.

    `learn` trains the weights of one path. `evaluate` reports loss, accuracy and, where they are
    asked for, the slopes at the gates, on held-out images, with the batch's own statistics: it
    changes neither a weight nor a running statistic. `keep` says what the slopes of closed
    candidates are computed from.
    """

    def __init__(
        self,
        supernet: Supernet,
        optimizer: optim.Optimizer,
        keep: Keep = "outputs",
        smoothing: float = 0.0,
        precision: SupernetFormat = "float32",
        seed: int = 0,
        workers: Workers = ALONE,
    ) -> None:
        self.supernet = supernet
        self.optimizer = PathOptimizer(optimizer)
        self.keep: Keep = keep
        self.precision: SupernetFormat = precision
        self.seed = seed
        self.workers = workers
        self.device = next(supernet.parameters()).device
        self._loss = LabelLoss(smoothing)
        self._norms = batch_norms(supernet)
        self._droppers = [m for m in supernet.modules() if isinstance(m, (DropPath, nn.Dropout))]

    def learn(self, step: int, choices: Choices, batch: Batch) -> Tensor:
        """One weight step along a path; the mean loss of all workers, a detached scalar.

        Parameters off the path have no gradient, so they, their momentum and their statistics
        stay as they are. Nobody waits for the device here.
        """
        x, y = batch
        reseed(self.seed, "weights", step, self.workers.rank)  # for what drops paths at random
        with self._autocast():
            loss = self._loss(self.supernet(x, choices.options), x, y)
        loss.backward()
        loss = loss.detach()
        touched = self.supernet.touched(choices.options)
        if self.workers.size > 1:
            gradients = [p.grad for p in touched.parameters if p.grad is not None]
            self.workers.average_([*gradients, *touched.statistics, loss])
        self.optimizer.step(touched.parameters)
        return loss

    def evaluate(self, choices: Choices, batch: Batch) -> Evidence:
        """What all workers' parts of `batch` say of `choices`, as means over their images."""
        x, y = batch
        with unrecorded(self._norms), _still(self._droppers), self._autocast():
            if choices.closed is None:
                with torch.no_grad():
                    logits = self.supernet(x, choices.options)
                    loss, slopes = F.cross_entropy(logits, y), None
            else:
                logits, loss, slopes = self._slopes(choices, x, y)
        accuracy = (logits.argmax(dim=1) == y).float().mean()
        told = [loss.detach().float(), accuracy, *([] if slopes is None else [slopes])]
        self.workers.average_(told)
        return Evidence(*told)

    def _slopes(self, choices: Choices, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        assert choices.closed is not None
        most = max(len(others) for others in choices.closed)
        gates = torch.zeros(len(choices.options), 1 + most, device=self.device, requires_grad=True)
        with self.supernet.listening(gates, choices.closed, self.keep):
            logits = self.supernet(x, choices.options)
            loss = F.cross_entropy(logits, y)
            (slopes,) = torch.autograd.grad(loss, [gates])
        return logits.detach(), loss, slopes

    def derive(self, choices: Choices, recent: Iterable[Batch]) -> Network:
        """The chosen network with a copy of its weights, its statistics estimated on `recent`."""
        network = self.supernet.extract(choices.options)
        reestimate(network, recent)
        self.workers.average_(statistics(network))
        return network

    def _autocast(self) -> torch.autocast:
        enabled = self.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def state(self) -> dict[str, Any]:
        """Weights and momentum."""
        return {"supernet": self.supernet.state_dict(), "optimizer": self.optimizer.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self.supernet.load_state_dict(state["supernet"])
        self.optimizer.restore(state["optimizer"])


@contextmanager
def _still(droppers: Sequence[nn.Module]) -> Iterator[None]:
    """Within, nothing is dropped at random."""
    modes = [part.training for part in droppers]
    for part in droppers:
        part.eval()
    try:
        yield
    finally:
        for part, mode in zip(droppers, modes, strict=True):
            part.train(mode)
