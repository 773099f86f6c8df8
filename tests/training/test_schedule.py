"""Learning rates: the original's formulas, and what any schedule must do."""

import math
from itertools import pairwise

import pytest

from training.schedule import Schedule, named_schedule


def original(epoch: int, batch: int, per_epoch: int, epochs: int, warmup: int, size: int) -> float:
    """The factor of the peak rate in the original's training/main.py, for `size` workers."""
    if epoch < warmup:
        e = epoch + (batch + 1) / per_epoch
        return 1 / size * (e * (size - 1) / warmup + 1)
    done = (epoch - warmup) * per_epoch + batch
    return 0.5 * (1 + math.cos(math.pi * done / ((epochs - warmup) * per_epoch)))


def test_cosine_with_eight_workers_is_the_originals() -> None:
    schedule = named_schedule("cosine", 12, 7, warmup_epochs=3, start=1 / 8)
    for step in range(12 * 7):
        epoch, batch = divmod(step, 7)
        assert schedule.factor(step) == pytest.approx(original(epoch, batch, 7, 12, 3, 8))


def test_linear_drops_to_a_tenth_at_epochs_30_60_and_90() -> None:
    schedule = named_schedule("linear", 100, 3, warmup_epochs=0, start=0.5)
    assert [schedule.factor(3 * epoch) for epoch in (0, 29, 30, 60, 90)] == pytest.approx(
        [1.0, 1.0, 0.1, 0.01, 0.001]
    )
    assert schedule.factor(3 * 30 - 1) == 1.0


def test_alone_the_rate_rises_from_zero_to_its_peak_and_falls_to_zero() -> None:
    schedule = Schedule(steps=100, warmup=10, start=0.0)
    factors = [schedule.factor(step) for step in range(101)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9] == factors[10] == pytest.approx(1.0)
    assert factors[100] == pytest.approx(0.0)
    assert all(a < b for a, b in pairwise(factors[:10]))
    assert all(a > b for a, b in pairwise(factors[10:]))


@pytest.mark.parametrize("warmup", [0.0, 0.4, 3.7, 100.0, 250.0])
def test_no_warmup_leads_above_the_peak_or_below_zero(warmup: float) -> None:
    schedule = Schedule(steps=100, warmup=warmup, start=0.25)
    assert all(0 <= schedule.factor(step) <= 1 for step in range(100))
