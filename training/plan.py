"""How a run divides its work: images per step, per worker and per pass; steps; learning rate."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from training.config import TrainConfig
from training.rates import Rates, Score, rate_in, watches
from training.schedule import Schedule, named_schedule
from training.workers import Workers

RATE_IS_FOR = 64  # images per step that `base_lr` is meant for


class Plan(Struct, frozen=True):
    """What follows from a config, the number of training images and the number of workers.

    Everything but `passes` is the same for any number of workers.
    """

    global_batch: int
    passes: int
    """Micro-batches per step of each worker."""
    per_epoch: int
    steps: int
    peak_lr: float
    schedule: Schedule
    rates: Rates = ()
    """Rules in the place of `schedule`, where there are some."""

    def lr(self, step: int, scores: Sequence[Score] = ()) -> float:
        """The learning rate of `step`, counted from 0, behind epochs that ended with `scores`."""
        if self.rates:
            return rate_in(self.rates, self.peak_lr, step // self.per_epoch, scores)
        return self.peak_lr * self.schedule.factor(step)

    def epoch(self, done: int) -> float:
        """Epochs after `done` steps."""
        return done / self.per_epoch


def with_global_batch(
    config: TrainConfig, begun: TrainConfig | None, workers: Workers
) -> TrainConfig:
    """`config` with its images per step said: what was asked for, or was begun with, or follows
    from the number of workers."""
    if config.global_batch is not None:
        return config
    if begun is not None:
        return replace(config, global_batch=begun.global_batch)
    return replace(config, global_batch=config.batch_size * workers.size * config.accumulate)


def make_plan(config: TrainConfig, images: int, workers: Workers, rates: Rates = ()) -> Plan:
    """The plan for so many training images; ValueError when a step cannot be divided.

    `rates` stand in the place of the config's schedule and warm-up; ValueError where one of them
    goes by scores that there are not, or by those of test images, which may choose nothing.
    """
    if watches(rates) and (config.held_out is None or config.val_every != 1):
        raise ValueError(
            "the learning rate goes by the score behind every epoch: give --held-out, for test "
            "images choose nothing, and --val-every 1"
        )
    batch = config.global_batch
    assert batch is not None, "with_global_batch comes first"
    if config.epochs == 0:
        batch = min(batch, images // workers.size * workers.size)  # no step is taken
    if images < batch:
        raise ValueError(
            f"{images} training images are fewer than the {batch} of one step: "
            f"give a smaller --batch-size"
        )
    if batch % workers.size:
        fits = [count for count in range(1, 2 * workers.size + 1) if batch % count == 0]
        raise ValueError(
            f"{batch} images per step cannot be shared by {workers.size} workers alike: start "
            f"{', '.join(map(str, fits))} of them, or give another --global-batch in a new folder"
        )
    per_epoch = images // batch
    peak = config.base_lr * batch / RATE_IS_FOR
    alone = config.batch_size >= batch
    start = 0.0 if alone else config.batch_size / batch
    schedule = named_schedule(
        config.lr_scheduler, config.epochs, per_epoch, config.warmup_epochs, start
    )
    return Plan(
        batch,
        _passes(batch // workers.size, config.batch_size),
        per_epoch,
        config.epochs * per_epoch,
        peak,
        schedule,
        rates,
    )


def _passes(share: int, most: int) -> int:
    """Into how many equal parts a worker's share must be cut so that none exceeds `most`."""
    return next(
        count for count in range(1, share + 1) if share % count == 0 and share <= count * most
    )
