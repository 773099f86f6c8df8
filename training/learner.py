"""One network that learns, a step at a time: precision, gradients, update, what follows it."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from msgspec import Struct
from torch import Tensor, nn, optim
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.batch_norm import statistics
from training.companion import Companion
from training.datasets import Batch
from training.datasets.chance import reseed
from training.losses import AnyLoss
from training.mixing import Change
from training.workers import Workers

TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Manner(Struct, frozen=True, kw_only=True, eq=False):
    """How a network learns, besides its optimizer."""

    loss: AnyLoss
    changes: list[Change]
    precision: str
    clip_norm: float | None
    ema: float | None
    fp16_allreduce: bool
    compile: bool
    passes: int
    seed: int


class Learner:
    """A network, its optimizer, its average if there is one, and its link to the other workers.

    After every step all workers hold equal parameters, statistics and averages.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: optim.Optimizer,
        manner: Manner,
        workers: Workers,
        companion: Companion | None = None,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.manner = manner
        self.workers = workers
        self.companion = companion
        self.device = next(network.parameters()).device
        self._scaler = torch.amp.GradScaler(
            self.device.type, enabled=manner.precision == "fp16" and self.device.type == "cuda"
        )
        self._average = None if manner.ema is None else _average(network, manner.ema)
        self._parameters = list(network.parameters())
        self._statistics = statistics(network)
        if manner.compile:
            network.compile()
        self._link = workers.link(network, optimizer, manner.passes, manner.fp16_allreduce)

    @property
    def result(self) -> nn.Module:
        """What is scored and kept: the average of the weights if there is one."""
        return self.network if self._average is None else self._average.module

    def plain(self) -> nn.Module:
        """`result` without anything that the companion needs in it."""
        return self.result if self.companion is None else self.companion.plain(self.result)

    def settled(self, done: int) -> bool:
        """Whether only the optimizer changes the network from here on."""
        return self.companion is None or self.companion.settled(done)

    def begin(self) -> None:
        """What the companion does before the first step, where there will be none."""
        if self.companion is not None:
            self.companion.before(0)
        if self._average is not None:
            self._average.update_parameters(self.network)

    def leaves_another(self) -> bool:
        """Whether `plain` answers otherwise than `result`."""
        return self.companion is not None and self.companion.leaves_another()

    def step(self, number: int, parts: Iterable[Batch]) -> Tensor:
        """One update from the micro-batches of step `number`; the mean loss of all workers.

        The loss is a detached scalar on the device: nobody waits for it here.
        """
        if self.companion is not None and self.companion.before(number):
            self._begin_anew()
        self.optimizer.zero_grad(set_to_none=True)
        passes, first = self.manner.passes, self.workers.rank * self.manner.passes
        total = torch.zeros((), device=self.device)
        for index, (x, y) in enumerate(parts):
            reseed(self.manner.seed, "step", number, first + index)
            for change in self.manner.changes:
                x, y = change(x, y)
            with self._link.part(last=index + 1 == passes):
                with self._autocast():
                    loss = self._loss(x, y) / passes
                self._scaler.scale(loss).backward()
            total += loss.detach()
        self._update()
        self.workers.average_([*self._statistics, total])
        if self._average is not None:
            self._average.update_parameters(self.network)
        return total

    def _begin_anew(self) -> None:
        """Forget what optimizer and average have gathered: the average is then that of one step."""
        self.optimizer.state.clear()
        if self._average is not None:
            self._average.n_averaged.zero_()

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        def judge(logits: Tensor) -> Tensor:
            return self.manner.loss(logits, x, y)

        logits = self._link.network(x)
        loss = judge(logits)
        penalty = None if self.companion is None else self.companion.penalty(x, logits, judge)
        return loss if penalty is None else loss + penalty

    def _update(self) -> None:
        if self.manner.clip_norm is not None or self.companion is not None:
            self._scaler.unscale_(self.optimizer)
        if self.companion is not None:
            self.companion.gradients()
        if self.manner.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._parameters, self.manner.clip_norm)
        self._scaler.step(self.optimizer)
        self._scaler.update()

    def _autocast(self) -> torch.autocast:
        kind = TYPES.get(self.manner.precision)
        return torch.autocast(self.device.type, kind, enabled=kind is not None)

    def sound(self) -> bool:
        """Whether every parameter and every statistic is a finite number."""
        held = [*self._parameters, *self._statistics]
        return bool(torch.stack([tensor.detach().isfinite().all() for tensor in held]).all())

    def state(self) -> dict[str, Any]:
        """Everything a later process needs to go on, whatever the number of workers."""
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
        }
        if self._average is not None:
            state["average"] = self._average.state_dict()
        if self.companion is not None:
            state["companion"] = self.companion.state()
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        if self.companion is not None:
            self.companion.restore(state["companion"])


def _average(network: nn.Module, decay: float) -> AveragedModel:
    """Weights and statistics are averaged; counters and indices are copied."""
    blend = get_ema_multi_avg_fn(decay)

    def follow(mine: Sequence[Tensor], new: Sequence[Tensor], count: Tensor | int) -> None:
        if mine[0].is_floating_point():
            blend(list(mine), list(new), count)
        else:
            for old, other in zip(mine, new, strict=True):
                old.copy_(other)

    return AveragedModel(network, multi_avg_fn=follow, use_buffers=True)
