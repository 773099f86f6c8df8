"""The one search loop: weights learn, the strategy asks, the evaluator answers."""

import time
from dataclasses import asdict, dataclass
from typing import Any

from msgspec import Struct

from proxyless_nas.progress import progress_bar
from search.evaluators.shared_weights import Batch, SharedWeights
from search.problems import Architecture
from search.strategies import GateGradient
from training.datasets import Batches
from training.optimizer import set_lr
from training.run_folder import RunFolder
from training.schedule import Schedule

LINES_PER_EPOCH = 8
STATISTICS_BATCHES = 10


class Plan(Struct, frozen=True):
    """How long the search is and how often each thing happens, in weight steps."""

    steps: int
    warmup: int
    per_epoch: int
    arch_every: int
    peak_lr: float
    checkpoint_seconds: float

    def arch_steps(self, step: int) -> int:
        """Architecture steps taken before weight step `step`."""
        return max(0, -(-(step - self.warmup) // self.arch_every))

    def lines(self, step: int) -> int:
        """Lines of the log written before weight step `step`; an epoch ends with one."""
        return step * LINES_PER_EPOCH // self.per_epoch


@dataclass(frozen=True)
class Data:
    """Batches for the weights, for the gates, and fixed ones for validation."""

    weights: Batches
    gates: Batches
    held_out: list[Batch]


@dataclass
class Tally:
    """Losses since the last line of the log."""

    loss: float = 0.0
    steps: int = 0
    gate_loss: float = 0.0
    gate_steps: int = 0


def run(
    problem: Architecture,
    strategy: GateGradient,
    evaluator: SharedWeights,
    data: Data,
    plan: Plan,
    folder: RunFolder,
) -> None:
    """Search in place; `strategy.best()` is the answer afterwards.

    A search that was killed continues from its last checkpoint to the same logits, weights and
    log as one that was not: batches are functions of the step, chance comes from the strategy.
    """
    schedule = Schedule(plan.steps, warmup=max(1, plan.per_epoch // 4), start=0.0)
    start, tally = _restore(strategy, evaluator, folder)
    train = data.weights.stream(start)
    gates = data.gates.stream(plan.arch_steps(start))
    saved = time.monotonic()
    progress = progress_bar(range(start, plan.steps), "search", plan.steps, start)
    for step in progress:
        set_lr(evaluator.optimizer, plan.peak_lr * schedule.factor(step))
        tally.loss += float(evaluator.learn(strategy.sample, next(train)))
        tally.steps += 1
        if step >= plan.warmup and (step - plan.warmup) % plan.arch_every == 0:
            choices = strategy.ask()
            evidence = evaluator.evaluate(choices, next(gates))
            strategy.tell(choices, evidence)
            tally.gate_loss += float(evidence.loss)
            tally.gate_steps += 1
        done = step + 1
        if plan.lines(done) > plan.lines(step) or done == plan.steps:
            record = _record(problem, strategy, plan, done, tally)
            if done % plan.per_epoch == 0 or done == plan.steps:
                recent = data.weights.stream(max(0, done - STATISTICS_BATCHES))
                batches = [next(recent) for _ in range(STATISTICS_BATCHES)]
                best = strategy.best()
                record["valid_accuracy"] = evaluator.validate(best, batches, data.held_out).top1
            folder.log(done, record)
            progress.set_postfix_str(
                f"loss {record['train_loss']:.3f}, expected {record['expected_us']:.0f} us",
                refresh=False,
            )
            tally = Tally()
        if done == plan.steps or time.monotonic() - saved > plan.checkpoint_seconds:
            state = {"strategy": strategy.state(), "evaluator": evaluator.state()}
            folder.save(done, {**state, "tally": asdict(tally)})
            saved = time.monotonic()


def _restore(
    strategy: GateGradient, evaluator: SharedWeights, folder: RunFolder
) -> tuple[int, Tally]:
    state = folder.checkpoint()
    if state is None:
        return 0, Tally()
    strategy.restore(state["strategy"])
    evaluator.restore(state["evaluator"])
    return state["step"], Tally(**state["tally"])


def _record(
    problem: Architecture, strategy: GateGradient, plan: Plan, done: int, tally: Tally
) -> dict[str, Any]:
    probabilities = strategy.probabilities().tolist()
    best = strategy.best()
    record: dict[str, Any] = {
        "epoch": done / plan.per_epoch,
        "phase": "warm-up" if done <= plan.warmup else "search",
        "train_loss": tally.loss / tally.steps,
        "expected_us": strategy.expected_cost(),
        "derived_us": strategy.cost(best),
        "cost_weight": strategy.objective.weight,
        "entropy": strategy.entropy(),
        "probabilities": {
            knob.name: dict(zip(knob.labels, row, strict=False))
            for knob, row in zip(problem.knobs, probabilities, strict=True)
        },
        "derived": list(best.options),
    }
    if tally.gate_steps:
        record["gate_loss"] = tally.gate_loss / tally.gate_steps
    return record
