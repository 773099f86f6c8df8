"""Rules for the learning rate are torch's schedulers, called as Distiller calls them."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from training.config import TrainConfig
from training.plan import make_plan
from training.rates import (
    AnyRule,
    Cosine,
    Exponential,
    Milestones,
    Plateau,
    Polynomial,
    Score,
    Steps,
    WarmRestarts,
    rate_in,
)
from training.workers import Alone

BASE, EPOCHS = 0.4, 24
Make = Callable[[torch.optim.Optimizer], Any]
SAME: list[tuple[AnyRule, Make]] = [
    (Steps(size=5, gamma=0.3), lambda one: lr_scheduler.StepLR(one, 5, 0.3)),
    (Milestones(at=(3, 9), gamma=0.5), lambda one: lr_scheduler.MultiStepLR(one, [3, 9], 0.5)),
    (Exponential(gamma=0.9), lambda one: lr_scheduler.ExponentialLR(one, 0.9)),
    (Cosine(total=10, least=0.01), lambda one: lr_scheduler.CosineAnnealingLR(one, 10, 0.01)),
    (
        WarmRestarts(first=3, growth=2, least=0.01),
        lambda one: lr_scheduler.CosineAnnealingWarmRestarts(one, 3, 2, 0.01),
    ),
]


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=BASE)


@pytest.mark.parametrize("begin, end, every", [(0, None, 1), (4, 20, 1), (2, 15, 3)])
@pytest.mark.parametrize("rule, make", SAME, ids=lambda one: type(one).__name__)
def test_a_rule_is_a_scheduler_that_is_stepped_to_absolute_epochs(
    rule: AnyRule, make: Make, begin: int, end: int | None, every: int
) -> None:
    timed = type(rule)(**{**_fields(rule), "begin": begin, "end": end, "every": every})
    one = optimizer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = make(one)
        for epoch in range(EPOCHS):
            assert rate_in((timed,), BASE, epoch) == pytest.approx(one.param_groups[0]["lr"])
            if epoch in range(begin, EPOCHS if end is None else end, every):
                scheduler.step(epoch + 1)


def _fields(rule: AnyRule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in rule.__struct_fields__}


@pytest.mark.parametrize("watch", ["loss", "top1"])
@pytest.mark.parametrize("absolute", [False, True])
def test_a_plateau_is_torchs(watch: Any, absolute: bool) -> None:
    chance = torch.Generator().manual_seed(3)
    scores = [Score(*torch.rand(2, generator=chance).tolist()) for _ in range(40)]
    rule = Plateau(watch=watch, patience=2, cooldown=1, factor=0.5, least=0.02, absolute=absolute)
    one = optimizer()
    scheduler = lr_scheduler.ReduceLROnPlateau(
        one, "min" if watch == "loss" else "max", 0.5, 2, 1e-4,
        "abs" if absolute else "rel", 1, 0.02,
    )  # fmt: skip
    rates = set()
    for epoch, score in enumerate(scores):
        now = rate_in((rule,), BASE, epoch, scores[:epoch])
        assert now == pytest.approx(one.param_groups[0]["lr"])
        rates.add(now)
        scheduler.step(getattr(score, watch))
    assert len(rates) > 3


def test_factors_of_their_own_and_powers() -> None:
    rule = Milestones(at=(3, 6, 8), gamma=(0.1, 0.1, 0.2))
    rates = [rate_in((rule,), 1.0, epoch) for epoch in (2, 3, 6, 8, 20)]
    assert rates == pytest.approx([1, 0.1, 0.01, 0.002, 0.002])
    power = Polynomial(total=10, power=2)
    assert [rate_in((power,), 1.0, e) for e in (0, 5, 10, 30)] == pytest.approx([1, 0.25, 0, 0])


def test_a_late_rule_jumps_to_its_absolute_epoch_and_the_last_one_has_the_say() -> None:
    late = Exponential(gamma=0.9, begin=24)
    assert rate_in((late,), 0.005, 24) == 0.005
    assert rate_in((late,), 0.005, 25) == pytest.approx(0.005 * 0.9**25)
    both = (Steps(size=1, gamma=0.5), Exponential(gamma=0.9, epochs=(3,)))
    assert [rate_in(both, 1.0, e) for e in (3, 4, 5)] == pytest.approx([0.125, 0.9**4, 0.5**5])
    learnt = Steps(size=50, gamma=0.1, learnt=180)
    assert rate_in((learnt,), 1.0, 1) == pytest.approx(1e-3)


def test_rules_stand_in_the_place_of_schedule_and_warm_up() -> None:
    config = TrainConfig(arch="smoke", global_batch=64, epochs=3, warmup_epochs=2, base_lr=0.2)
    plan = make_plan(config, 640, Alone(), (Steps(size=1, gamma=0.1),))
    assert [plan.lr(step) for step in (0, 9, 10, 25)] == pytest.approx([0.2, 0.2, 0.02, 0.002])


def test_test_images_choose_no_rate() -> None:
    config = TrainConfig(arch="smoke", global_batch=64)
    with pytest.raises(ValueError, match="give --held-out, for test images choose nothing"):
        make_plan(config, 640, Alone(), (Plateau(),))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Steps(size=1, every=0), "every"),
        (lambda: Steps(size=1, begin=3, end=3), "does not come behind"),
        (lambda: Milestones(at=(5, 3)), "do not rise"),
        (lambda: Milestones(at=(1, 2), gamma=(0.1,)), "2 milestones"),
    ],
)
def test_rules_that_cannot_be_are_refused(make: Callable[[], AnyRule], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
