"""The one search loop: weights learn, the strategy asks, the evaluator answers."""

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from msgspec import Struct, to_builtins
from msgspec.structs import replace
from torch import Tensor

from proxyless_nas import Network
from proxyless_nas.progress import progress_bar
from search.choices import Choices, Evidence
from search.evaluators import SharedWeights
from search.problems import Architecture
from search.strategies import AnyStrategy
from search.strategies.distribution import entropy
from training.datasets import Batch, Batches, Images
from training.evaluate import Evaluation, evaluate
from training.optimizer import set_lr
from training.run_folder import RunFolder
from training.schedule import Schedule

LINES_PER_EPOCH = 8
STATISTICS_BATCHES = 10
LOG, TRIES, WARM = "log.jsonl", "tries.jsonl", "warm.pt"


class Plan(Struct, frozen=True):
    """How long the search is and how often each thing happens, in weight steps.

    Behind the last weight step come `rounds` in which only the strategy learns.
    """

    steps: int
    warmup: int
    per_epoch: int
    arch_every: int
    rounds: int
    peak_lr: float
    checkpoint_seconds: float

    @property
    def end(self) -> int:
        """Weight steps and rounds together."""
        return self.steps + self.rounds

    def asks(self, step: int) -> bool:
        """Whether the strategy is asked at `step`."""
        if step >= self.steps:
            return True
        joint = step - self.warmup
        return self.rounds == 0 and joint >= 0 and joint % self.arch_every == 0

    def asked(self, step: int) -> int:
        """How often it was asked before `step`."""
        if self.rounds:
            return max(0, step - self.steps)
        return max(0, -(-(step - self.warmup) // self.arch_every))

    def line_after(self, step: int) -> bool:
        """Whether a line of the log is due behind `step`; an epoch ends with one."""
        done = step + 1
        if done >= self.steps:
            return True
        lines = [count * LINES_PER_EPOCH // self.per_epoch for count in (step, done)]
        return lines[1] > lines[0]

    def ends_epoch(self, done: int) -> bool:
        """Whether the derived network is validated after `done` steps."""
        return done % self.per_epoch == 0 or done in (self.steps, self.end)


@dataclass(frozen=True)
class Data:
    """Batches for the weights and for the architecture, and the images that validate.

    `judged` is one batch on which all networks are judged alike; without it every architecture
    step has a new batch of `gates`.
    """

    weights: Batches
    gates: Batches | None
    held_out: Images
    judged: Batch | None = None


@dataclass
class Tally:
    """What happened since the last line of the log."""

    loss: float = 0.0
    steps: int = 0
    gate_loss: float = 0.0
    accuracy: float = 0.0
    judged: int = 0


class Search:
    """Runs a strategy on an evaluator; the first worker keeps the folder, the others have None.

    A search that was killed continues from its last checkpoint to the same logits, weights and log
    as one that was not: batches are functions of the step, chance comes from the strategy.
    """

    def __init__(
        self,
        problem: Architecture,
        strategy: AnyStrategy,
        evaluator: SharedWeights,
        data: Data,
        plan: Plan,
        folder: RunFolder | None,
    ) -> None:
        self.problem, self.prices, self.strategy = problem, strategy.prices, strategy
        self.evaluator, self.data, self.plan, self.folder = evaluator, data, plan, folder
        self.workers = evaluator.workers
        self._tally = Tally()
        self._losses: list[Tensor] = []
        self._tries: list[dict[str, Any]] = []
        self._saved = time.monotonic()

    def run(self, keep_warm: bool = False) -> None:
        """To the end; `strategy.best()` is the answer afterwards.

        With `keep_warm` the state behind the warm-up is kept as warm.pt, for other budgets.
        """
        plan, start = self.plan, self._restore()
        device = self.evaluator.device
        train = self.data.weights.stream(start, device)
        asks = self.data.gates
        gates = iter(()) if asks is None else asks.stream(plan.asked(start), device)
        schedule = Schedule(plan.steps, warmup=max(1, plan.per_epoch // 4), start=0.0)
        bar = progress_bar(
            range(start, plan.end), "search", plan.end, start, show=self.folder is not None
        )
        for step in bar:
            if step < plan.steps:
                set_lr(self.evaluator.optimizer.optimizer, plan.peak_lr * schedule.factor(step))
                choices = self.strategy.sample()
                self._losses.append(self.evaluator.learn(step, choices, next(train)))
            if plan.asks(step):
                self._ask(step, gates)
            done = step + 1
            if plan.line_after(step):
                bar.set_postfix_str(self._log(done), refresh=False)
            if done == plan.warmup and keep_warm and self.folder is not None:
                self.folder.keep(WARM, {**self._state(), "step": done})
            if done == plan.end or time.monotonic() - self._saved > plan.checkpoint_seconds:
                self._save(done)

    def _ask(self, step: int, gates: Iterator[Batch]) -> None:
        asked = self.strategy.ask()
        batch = self.data.judged or next(gates)
        evidence = [self.evaluator.evaluate(choices, batch) for choices in asked]
        for choices, seen in zip(asked, evidence, strict=True):
            self._note(step, choices, seen)
        self.strategy.tell(asked, evidence)

    def _note(self, step: int, choices: Choices, seen: Evidence) -> None:
        loss, accuracy = float(seen.loss), float(seen.accuracy)
        self._must_be_finite(loss)
        self._tally.gate_loss += loss
        self._tally.accuracy += accuracy
        self._tally.judged += 1
        one = {
            "step": step + 1,
            "options": list(choices.options),
            "loss": loss,
            "accuracy": accuracy,
            "cost": self.prices.of(choices.options),
        }
        self._tries.append(one)

    def _log(self, done: int) -> str:
        """Write a line, and the tries since the last one; what a progress bar says."""
        self._count()
        tally, best = self._tally, self.strategy.best()
        p = self.strategy.probabilities()
        record: dict[str, Any] = {
            "epoch": min(done, self.plan.steps) / self.plan.per_epoch,
            "phase": "warm-up" if done <= self.plan.warmup else "search",
            "expected": self.prices.expected(p),
            "derived": self.prices.of(best.options),
            "entropy": entropy(p),
            "probabilities": {
                knob.name: dict(zip(knob.labels, row, strict=False))
                for knob, row in zip(self.problem.knobs, p.tolist(), strict=True)
            },
            "options": list(best.options),
            **self.strategy.told(),
        }
        if tally.steps:
            record["train_loss"] = tally.loss / tally.steps
        if tally.judged:
            record["gate_loss"] = tally.gate_loss / tally.judged
            record["gate_accuracy"] = tally.accuracy / tally.judged
        if self.plan.ends_epoch(done):
            record["valid_accuracy"] = self.derived(best, min(done, self.plan.steps))[1].top1
        if self.folder is not None:
            self.folder.log(done, record)
            self._write_tries()
        self._tally = Tally()
        loss = record.get("train_loss", record.get("gate_loss", float("nan")))
        return f"loss {loss:.3f}, expected {record['expected']:.4g} {self.prices.unit}".rstrip()

    def derived(self, choices: Choices, done: int) -> tuple[Network, Evaluation]:
        """A network with the shared weights, and what it does on all held-out images."""
        recent = self.data.weights.stream(max(0, done - STATISTICS_BATCHES), self.evaluator.device)
        network = self.evaluator.derive(choices, islice(recent, STATISTICS_BATCHES))
        held_out = self.data.held_out.evaluation_batches(256, self.evaluator.device)
        return network, evaluate(network, held_out, self.workers)

    def _count(self) -> None:
        """Fetch what the device has to say of the latest losses."""
        self._tally.loss += sum(float(loss) for loss in self._losses)
        self._tally.steps += len(self._losses)
        self._must_be_finite(self._tally.loss)
        self._losses = []

    def _write_tries(self) -> None:
        if self.folder is not None:
            self.folder.append(TRIES, self._tries)
        self._tries = []

    def _state(self) -> dict[str, Any]:
        self._count()
        return {
            "strategy": self.strategy.state(),
            "evaluator": self.evaluator.state(),
            "tally": asdict(self._tally),
            "plan": self._plan(),
        }

    def _plan(self) -> dict[str, Any]:
        """What must be the same for a search to go on."""
        plan = replace(self.plan, checkpoint_seconds=0.0)
        return {**to_builtins(plan), "workers": self.workers.size}

    def _must_be_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise ValueError(
                "a loss is not finite: lower --base-lr, or start with more of --warmup-epochs; the "
                "last checkpoint is from before that"
            )

    def _save(self, done: int) -> None:
        self._write_tries()
        if self.folder is not None:
            self.folder.save(done, self._state())
        self._saved = time.monotonic()

    def _restore(self) -> int:
        """Take over what the first worker has read; how many steps were done."""
        state = self.workers.broadcast(None if self.folder is None else self.folder.checkpoint())
        if state is None:
            self.evaluator.restore(self.workers.broadcast(self.evaluator.state()))
            return 0
        if state["plan"] != self._plan():
            raise ValueError(
                f"this search was begun with {state['plan']['workers']} workers, not with "
                f"{self.workers.size}, or its data changed: start it again as it was begun"
            )
        self.strategy.restore(state["strategy"])
        self.evaluator.restore(state["evaluator"])
        self._tally = Tally(**state["tally"])
        return state["step"]
