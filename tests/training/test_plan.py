"""A step's images are divided without remainder, and everything else does not depend on how."""

import pytest
from msgspec.structs import replace

from training.config import TrainConfig
from training.plan import make_plan, with_global_batch
from training.workers import Alone, Workers


def workers(size: int) -> Workers:
    alone = Alone()
    alone.size = size
    return alone


def started(size: int, **flags: object) -> TrainConfig:
    return with_global_batch(TrainConfig(arch="x", **flags), None, workers(size))  # pyright: ignore


def test_images_per_step_follow_from_workers_batches_and_passes() -> None:
    config = started(4, batch_size=16, accumulate=3)
    plan = make_plan(config, 2000, workers(4))
    assert (plan.global_batch, plan.passes, plan.per_epoch) == (192, 3, 10)
    assert plan.peak_lr == pytest.approx(config.base_lr * 192 / 64)
    assert plan.schedule.start == pytest.approx(16 / 192)
    assert plan.epoch(5) == 0.5


@pytest.mark.parametrize("size", [1, 2, 4, 8, 16])
def test_a_run_continued_by_other_workers_differs_in_passes_only(size: int) -> None:
    begun = started(4, batch_size=16)
    plan = make_plan(begun, 2000, workers(4))
    config = with_global_batch(TrainConfig(arch="x", batch_size=16), begun, workers(size))
    assert config == begun
    other = make_plan(config, 2000, workers(size))
    assert replace(other, passes=1) == replace(plan, passes=1)
    assert other.global_batch // size // other.passes <= 16
    assert size * other.passes * (other.global_batch // size // other.passes) == 64


def test_what_cannot_be_divided_is_refused_with_the_ways_out() -> None:
    with pytest.raises(ValueError, match=r"64 images per step .* 3 workers .*start 1, 2, 4 of"):
        make_plan(started(4, batch_size=16), 2000, workers(3))
    with pytest.raises(ValueError, match="50 training images are fewer than the 64"):
        make_plan(started(4, batch_size=16), 50, workers(4))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"epochs": -1}, "--epochs -1 is below 0"),
        ({"base_lr": -1.0}, "--base-lr"),
        ({"teacher_weight": 1.5}, "--teacher-weight 1.5 is not between 0 and 1"),
        ({"clip_norm": 0.0}, "--clip-norm 0.0 is not above 0"),
        ({"format": "checkpoint.pth"}, "lacks {epoch}"),
    ],
)
def test_values_that_make_no_sense_are_refused(flags: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TrainConfig(arch="x", **flags)  # pyright: ignore[reportArgumentType]
