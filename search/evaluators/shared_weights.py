"""Judge a network by weights that it shares with every other network of the space."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, optim

from search.choices import Choices, Evidence
from search.supernet import Supernet
from training.batch_norm import batch_norms, reestimate, unrecorded
from training.evaluate import Evaluation, evaluate

Batch = tuple[Tensor, Tensor]


class SharedWeights:
    """A supernet and its optimizer.

    `learn` trains the weights of one sampled path; `evaluate` reports the loss and the slopes at
    the gates on held-out images without changing a weight or a running statistic.
    """

    def __init__(self, supernet: Supernet, optimizer: optim.Optimizer) -> None:
        self.supernet = supernet
        self.optimizer = optimizer
        self._norms = batch_norms(supernet)

    def learn(self, sample: Callable[[], Choices], batch: Batch) -> Tensor:
        """One weight step on `batch` along a sampled path; the loss, detached.

        Parameters off the path have no gradient, so they, their momentum and their statistics
        stay as they are.
        """
        x, y = batch
        options = sample().options
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.supernet(x, options), y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def evaluate(self, choices: Choices, batch: Batch) -> Evidence:
        """The loss on `batch` and the slopes at the gates of each chosen option and its rival."""
        assert choices.rivals is not None
        x, y = batch
        gates = torch.zeros(len(choices.options), 2, requires_grad=True)
        with unrecorded(self._norms):
            logits = self.supernet.listen(x, choices.options, choices.rivals, gates)
            loss = F.cross_entropy(logits, y)
        (slopes,) = torch.autograd.grad(loss, [gates])
        return Evidence(loss.detach(), slopes)

    def validate(self, choices: Choices, recent: list[Batch], held_out: list[Batch]) -> Evaluation:
        """Accuracy of the chosen network on held-out images, its statistics taken from `recent`."""
        network = self.supernet.extract(choices.options)
        reestimate(network, recent)
        return evaluate(network, held_out)

    def state(self) -> dict[str, Any]:
        """Weights and momentum."""
        return {"supernet": self.supernet.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self.supernet.load_state_dict(state["supernet"])
        self.optimizer.load_state_dict(state["optimizer"])
