"""The training loop: one network, one run folder, continued where it was stopped."""

import math
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from torch import Tensor, nn

from proxyless_nas.progress import progress_bar
from training.batch_norm import reestimate, statistics
from training.config import TrainConfig
from training.datasets import Batch, Batches, Images
from training.datasets.images import CPU
from training.evaluate import Evaluation, evaluate
from training.learner import Learner
from training.optimizer import set_lr
from training.plan import Plan
from training.rates import Score, watches
from training.run_folder import RunFolder
from training.watch import Pace, Watch


class Tally(Struct):
    """Losses since the last line of the log, the best score of the run so far, and all scores.

    Those are (loss, top-1) behind each epoch, where a rule for the learning rate goes by them.
    """

    loss: float = 0.0
    steps: int = 0
    best: float | None = None
    scores: tuple[tuple[float, float], ...] = ()


class Loop:
    """Teaches `learner` as `plan` says, and tells `folder`, which only the first worker has.

    Every batch is a function of the seed and the step, and so is every other draw, so a run that
    was killed and started again writes the same log and weights as one that was not.
    """

    def __init__(
        self,
        learner: Learner,
        plan: Plan,
        config: TrainConfig,
        batches: Batches,
        scored: Images,
        folder: RunFolder | None,
    ) -> None:
        self.learner, self.plan, self.config = learner, plan, config
        self.batches, self.scored, self.folder = batches, scored, folder
        self.workers = learner.workers
        self._latest: Evaluation | None = None
        self._recent: list[Tensor] = []
        self._tally = Tally()
        self._rate: float | None = None
        self._saved = time.monotonic()

    def run(self) -> Pace:
        """From the last checkpoint, or from the start, to the end; how fast that went."""
        plan, start = self.plan, self._restore()
        if plan.steps == 0:
            self.learner.begin()
        watch = Watch(self.batches.stream(start, self.learner.device), CPU)
        parts, begun = iter(watch), time.perf_counter()
        self.learner.network.train()
        bar = progress_bar(
            range(start, plan.steps), "train", plan.steps, start,
            show=self.folder is not None and plan.steps > 0,
        )  # fmt: skip
        for step in bar:
            self._learn(step, islice(parts, plan.passes))
            done = step + 1
            if done % self.config.log_every == 0 or done % plan.per_epoch == 0:
                loss = self._log_loss(done)
                pace = (done - start) * plan.global_batch / (time.perf_counter() - begun)
                bar.set_postfix_str(f"loss {loss:.3f}, {pace:,.0f} images/s", refresh=False)
            if done % plan.per_epoch == 0:
                self._end_epoch(done)
            if (
                done == plan.steps
                or time.monotonic() - self._saved > self.config.checkpoint_seconds
            ):
                self._save(done)
        images = (plan.steps - start) * plan.global_batch
        return Pace(images, time.perf_counter() - begun, watch.waited)

    def _learn(self, step: int, parts: Iterator[Batch]) -> None:
        self._latest = None
        if self._rate is None or not self.plan.rates or step % self.plan.per_epoch == 0:
            scores = [Score(*one) for one in self._tally.scores]
            self._rate = self.plan.lr(step, scores)
        set_lr(self.learner.optimizer, self._rate)
        self._recent.append(self.learner.step(step, parts))

    def _count(self) -> None:
        """Fetch what the device has to say of the latest losses."""
        self._tally.loss += sum(float(loss) for loss in self._recent)
        self._tally.steps += len(self._recent)
        self._recent.clear()

    def _must_be_finite(self, done: int) -> None:
        if not math.isfinite(self._tally.loss) or not self.learner.sound():
            raise ValueError(
                f"the loss or a weight is not finite by step {done:,}: lower --base-lr, lengthen "
                f"--warmup-epochs, or set --clip-norm; the last checkpoint is from before that"
            )

    def _log_loss(self, done: int) -> float:
        self._count()
        self._must_be_finite(done)
        loss = self._tally.loss / self._tally.steps
        self._log(done, {"train_loss": loss, "lr": self._rate})
        self._tally.loss, self._tally.steps = 0.0, 0
        return loss

    def _end_epoch(self, done: int) -> None:
        epoch, every = done // self.plan.per_epoch, self.config.val_every
        if every is not None and epoch % every == 0:
            result = self._latest = self.score()
            if watches(self.plan.rates):
                self._tally.scores += ((result.loss, result.top1),)
            self._log(done, {"val": asdict(result)})
            better = self._tally.best is None or result.top1 > self._tally.best
            if better and self.learner.settled(done):
                self._tally.best = result.top1
                network = self.learner.plain()
                self._keep("best.pt", {"network": network.state_dict(), "epoch": epoch})
        if self.config.format is not None:
            self._keep(self.config.format.format(epoch=epoch), self.learner.state())

    def score(self, network: nn.Module | None = None) -> Evaluation:
        """How good a network is, or the learner's is now, on all images that are scored, by all
        workers."""
        scored = self.learner.result if network is None else network
        batches = self.scored.evaluation_batches(self.config.val_batch_size, self.learner.device)
        return evaluate(scored, batches, self.workers)

    def finish(self) -> tuple[nn.Module, Evaluation]:
        """What is left, and its score; batch-norm statistics are estimated anew where asked."""
        steps, learner = self.config.reestimate_bn, self.learner
        if steps is not None:
            parts = self.batches.stream(0, learner.device)
            reestimate(learner.result, islice(parts, steps * self.plan.passes))
            self.workers.average_(statistics(learner.result))
            self._latest = None
        plain = learner.plain()
        if learner.leaves_another():
            return plain, self.score(plain)
        return plain, self._latest or self.score()

    def _restore(self) -> int:
        """Take over what the first worker has read; how many steps were done."""
        state = self.workers.broadcast(None if self.folder is None else self.folder.checkpoint())
        if state is None:
            self.learner.restore(self.workers.broadcast(self.learner.state()))
            return 0
        self.learner.restore(state["learner"])
        self._tally = Tally(**state["tally"])
        return state["step"]

    def _save(self, done: int) -> None:
        if self.folder is not None:
            self._count()
            self._must_be_finite(done)
            state = {"learner": self.learner.state(), "tally": asdict(self._tally)}
            self.folder.save(done, state)
        self._saved = time.monotonic()

    def _log(self, done: int, record: dict[str, Any]) -> None:
        if self.folder is not None:
            self.folder.log(done, {"epoch": self.plan.epoch(done), **record})

    def _keep(self, name: str, state: dict[str, Any]) -> None:
        if self.folder is not None:
            self.folder.keep(name, state)
