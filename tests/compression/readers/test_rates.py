"""Every learning-rate policy of Distiller's becomes a rule, and a training follows it."""

import json
from pathlib import Path

import pytest

from compression.readers.distiller.rates import SCHEDULERS
from proxyless_nas.weights import load_tensors
from tests.commands.helpers import records, run_here, well
from tests.compression.readers.running import TIMES, plan_for, read, recipe_of, schedule
from tests.shared import shared
from training.plan import Plan
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
)
from training.schedule import named_schedule

CASES: dict[str, tuple[str, AnyRule]] = {
    "StepLR": ("step_size: 45, gamma: 0.1", Steps(size=45, gamma=0.1, end=2)),
    "MultiStepLR": (
        "milestones: [1, 30], gamma: 0.2", Milestones(at=(1, 30), gamma=0.2, end=2)
    ),
    "MultiStepMultiGammaLR": (
        "milestones: [1, 2], gammas: [0.1, 0.2]", Milestones(at=(1, 2), gamma=(0.1, 0.2), end=2)
    ),
    "ExponentialLR": ("gamma: 0.95", Exponential(gamma=0.95, end=2)),
    "CosineAnnealingLR": ("T_max: 10, eta_min: 0.001", Cosine(total=10, least=0.001, end=2)),
    "CosineAnnealingWarmRestarts": (
        "T_0: 10, T_mult: 2", WarmRestarts(first=10, growth=2, end=2)
    ),
    "ReduceLROnPlateau": (
        "mode: max, patience: 3, threshold: 1, threshold_mode: abs, min_lr: 1e-4",
        Plateau(watch="top1", patience=3, threshold=0.01, absolute=True, least=1e-4, end=2),
    ),
    "PolynomialLR": ("T_max: 10, power: 2", Polynomial(total=10, power=2, end=2)),
}  # fmt: skip


def test_every_scheduler_has_a_case() -> None:
    assert CASES.keys() == SCHEDULERS.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_scheduler_becomes_a_rule(name: str) -> None:
    args, rule = CASES[name]
    recipe = recipe_of(schedule("lr_schedulers", f"{name}, {args}"))
    assert recipe.rates == (rule,) and recipe.steps == ()
    plan = plan_for(recipe, 2)
    scores = [Score(1.0, 0.1), Score(1.0, 0.1)]
    assert plan.lr(0) == 0.05 and plan.lr(2, scores) <= 0.05


def test_a_rule_keeps_its_epochs_and_those_that_were_learnt() -> None:
    times = "starting_epoch: 180, ending_epoch: 400, frequency: 1"
    text = schedule("lr_schedulers", "StepLR, step_size: 50", times=times)
    found = read(text, learnt=181).recipe
    assert found is not None and found.rates == (Steps(size=50, end=219, learnt=181),)
    assert read(text, learnt=400).recipe is None
    listed = schedule("lr_schedulers", "StepLR, step_size: 1", times="epochs: [3, 5]")
    assert recipe_of(listed).rates == (Steps(size=1, epochs=(3, 5)),)


FLAGS = "--arch resnet20_cifar --limit 48 --batch-size 16 --base-lr 0.4 --epochs 2"
FLAGS += " --threads 1 --seed 1 --log-every 3 --val-batch-size 16"
LONGER = FLAGS.replace("--epochs 2", "--epochs 3")
PER_EPOCH, PEAK = 3, 0.1


def data() -> list[object]:
    return ["--path", shared("data/cifar10_lossless_6102.npz"), "--normalise", "half"]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CASES.keys() - {"ReduceLROnPlateau"}))
def test_a_training_takes_a_schedule_as_it_is(tmp_path: Path, name: str) -> None:
    file, out = tmp_path / "schedule.yaml", tmp_path / "out"
    args, rule = CASES[name]
    file.write_text(schedule("lr_schedulers", f"{name}, {args}", times=TIMES))
    flags = ["main.py", *FLAGS.split(), *data(), "--compress", file, "--out", out]
    said = well(run_here(*flags))
    by = json.loads((out / "recipe.json").read_text())["rates"][0]["by"]
    assert f"one ({name}): translated: rule {by}" in said
    usual = named_schedule("cosine", 2, PER_EPOCH, 0.0, 0.0)
    plan = Plan(16, 1, PER_EPOCH, 2 * PER_EPOCH, PEAK, usual, (rule,))
    rates = [line["lr"] for line in records(out / "log.jsonl") if "lr" in line]
    assert rates == pytest.approx([plan.lr(step) for step in (2, 5)])


@pytest.mark.slow
def test_a_plateau_lowers_the_rate_of_a_training_and_needs_held_out_images(tmp_path: Path) -> None:
    file, out = tmp_path / "schedule.yaml", tmp_path / "out"
    times = "starting_epoch: 0, ending_epoch: 3, frequency: 1"
    watched = "ReduceLROnPlateau, mode: max, patience: 0, threshold: 200, threshold_mode: abs"
    file.write_text(schedule("lr_schedulers", watched, times=times))
    flags = ["main.py", *LONGER.split(), *data(), "--compress", file, "--out", out]
    refused = run_here(*flags)
    assert refused.returncode == 2 and "give --held-out" in refused.stderr
    well(run_here(*flags, "--held-out", 16))
    rates = [line["lr"] for line in records(out / "log.jsonl") if "lr" in line]
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.01])  # steps 2, 3, 4, 6
    assert len(load_tensors(out / "last.pt")["tally"]["scores"]) == 3  # a continued run needs them
