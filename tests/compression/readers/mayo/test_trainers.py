"""Mayo's trainers: the rate of every epoch, and the flags that say the rest."""

import re
from collections.abc import Callable
from math import cos, exp, pi
from pathlib import Path

import pytest
from msgspec.structs import fields

from compression.readers.mayo.rates import FUNCTIONS, UNTRANSLATED
from compression.readers.reading import Note
from tests.compression.readers.mayo.tiny import over, read, recipe_of
from training.config import TrainConfig
from training.plan import make_plan
from training.rates import Cosine, Milestones, Polynomial, Steps, rate_in
from training.workers import Alone

IMAGES = 60_000
STAIRS = """\
system.images: !arith $(system.batch_size_per_gpu) * $(system.num_gpus)
train.learning_rate:
  type: tensorflow.train.exponential_decay
  _initial: 0.1
  learning_rate: !arith $(._initial) * math.sqrt($(system.images) / 256)
  decay_steps: 30
  decay_rate: 0.16
  staircase: true
"""


def base_lr_of(notes: tuple[Note, ...]) -> float:
    """The number for --base-lr that a note tells."""
    (found,) = (re.search(r"--base-lr (\S+)", note.words) for note in notes if "base-lr" in
                note.words)  # fmt: skip
    assert found is not None
    return float(found[1])


@pytest.mark.parametrize("gpus, each", [(1, 1024), (4, 256)])
def test_the_rate_of_1024_images_is_a_fifth_and_falls_to_a_sixth_of_that(
    gpus: int, each: int, tmp_path: Path
) -> None:
    """0.1 sqrt(1024 / 256) = 0.2, and 0.16 of that from epoch 30: as published by Mayo."""
    words = [f"system.batch_size_per_gpu={each}", f"system.num_gpus={gpus}"]
    found = read(tmp_path, STAIRS, *words)
    assert found.recipe is not None and found.recipe.rates == (Steps(size=30, gamma=0.16),)
    config = TrainConfig(
        arch="tiny", base_lr=base_lr_of(found.notes), batch_size=each, global_batch=1024, epochs=70
    )
    plan = make_plan(config, IMAGES, Alone(), found.recipe.rates)
    rates = [plan.lr(epoch * plan.per_epoch) for epoch in range(61)]
    assert rates[0] == pytest.approx(0.2) and rates[29] == rates[0]
    assert rates[30] == pytest.approx(0.032) and rates[59] == rates[30]
    assert rates[60] == pytest.approx(0.00512)
    note = next(note for note in found.notes if "base-lr" in note.words)
    assert note.verdict == "translated" and str(note.place) == f"{tmp_path}/0.yaml:3"


WORDS = ["system.batch_size_per_gpu=64", "system.max_epochs=12"]
CASES: dict[str, tuple[str, Callable[[float], float]]] = {
    "exponential_decay": ("decay_steps: 3, decay_rate: 0.5", lambda e: 0.4 * 0.5 ** (e / 3)),
    "natural_exp_decay": ("decay_steps: 2, decay_rate: 0.5", lambda e: 0.4 * exp(-e / 4)),
    "inverse_time_decay": ("decay_steps: 2, decay_rate: 2", lambda e: 0.4 / (1 + e)),
    "polynomial_decay": (
        "decay_steps: 8, end_learning_rate: 0.1, power: 2",
        lambda e: 0.3 * (1 - min(e / 8, 1)) ** 2 + 0.1,
    ),
    "cosine_decay": (
        "decay_steps: 8, alpha: 0.1",
        lambda e: 0.4 * (0.9 * (1 + cos(pi * min(e / 8, 1))) / 2 + 0.1),
    ),
    "cosine_decay_restarts": (
        "first_decay_steps: 3, t_mul: 2, alpha: 0.5",
        lambda e: 0.3 + 0.1 * cos(pi * (e / 3 if e < 3 else (e - 3) / 6 if e < 9 else 0)),
    ),
    "piecewise_constant": (
        "boundaries: [2, 5], values: [0.4, 0.1, 0.05]",
        lambda e: 0.4 if e < 2 else 0.1 if e < 5 else 0.05,
    ),
}
CASES["piecewise_constant_decay"] = CASES["piecewise_constant"]
LASTS = {"cosine_decay_restarts": 9}
"""Epochs up to which a formula above is right."""


def falling(name: str, args: str) -> str:
    rate = "" if name.startswith("piecewise") else "learning_rate: 0.4, "
    return f"train:\n  learning_rate: {{type: tf.train.{name}, {rate}{args}}}\n"


def test_every_function_has_a_case() -> None:
    assert CASES.keys() == FUNCTIONS.keys()


def scaled(args: str, part: float) -> str:
    """Times at which something happens, times `part`."""

    def times(found: re.Match[str]) -> str:
        return re.sub(r"[0-9]+", lambda time: f"{int(time[0]) * part:g}", found[0])

    return re.sub(r"decay_steps: [0-9]+|boundaries: \[.*?\]", times, args)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("part", [1.0, 0.9])
def test_the_rate_of_each_epoch_is_that_of_its_beginning(
    name: str, part: float, tmp_path: Path
) -> None:
    """Whole epochs have rules of their own; parts of one are said one by one, or not at all."""
    args, expected = CASES[name]
    found = read(tmp_path, falling(name, scaled(args, part)), *WORDS)
    if part != 1 and name == "cosine_decay_restarts":
        assert found.recipe is None and "whole epochs" in found.notes[-1].words
        return
    assert found.recipe is not None and base_lr_of(found.notes) == pytest.approx(0.4)
    for epoch in range(LASTS.get(name, 12) + 1):
        rate = rate_in(found.recipe.rates, 0.4, epoch)
        assert rate == pytest.approx(expected(epoch / part)), epoch
    note = next(note for note in found.notes if "base-lr" in note.words)
    assert note.verdict == "differs" and note.place.line == 2


@pytest.mark.parametrize("name", ["exponential_decay", "natural_exp_decay", "inverse_time_decay"])
@pytest.mark.parametrize("steps", [3, 2.5])
def test_stairs_fall_at_the_next_epoch(name: str, steps: float, tmp_path: Path) -> None:
    args = f"decay_steps: {steps}, decay_rate: 0.5, staircase: true"
    factor = {"exponential_decay": lambda n: 0.5**n, "natural_exp_decay": lambda n: exp(-n / 2),
              "inverse_time_decay": lambda n: 1 / (1 + n / 2)}[name]  # fmt: skip
    (rule,) = recipe_of(tmp_path, falling(name, args), *WORDS).rates
    for epoch in range(12):
        passed = epoch // steps
        assert rate_in((rule,), 0.4, epoch) == pytest.approx(0.4 * factor(passed)), epoch
    geometric = name != "inverse_time_decay" and steps == 3
    assert isinstance(rule, Steps if geometric else Milestones)


def test_whole_epochs_have_short_rules(tmp_path: Path) -> None:
    polynomial = falling("polynomial_decay", "decay_steps: 8, end_learning_rate: 0, power: 2")
    assert recipe_of(tmp_path, polynomial, *WORDS).rates == (Polynomial(total=8, power=2),)
    cosine = falling("cosine_decay", "decay_steps: 8")
    assert recipe_of(tmp_path, cosine, *WORDS).rates == (Cosine(total=8, end=8),)
    constant = recipe_of(tmp_path, "train:\n  learning_rate: 0.4\n").rates
    assert {rate_in(constant, 0.4, epoch) for epoch in range(20)} == {0.4}


def test_a_training_that_goes_on_counts_what_was_learnt(tmp_path: Path) -> None:
    for name in ("exponential_decay", "cosine_decay", "inverse_time_decay"):
        args, expected = CASES[name]
        found = read(tmp_path, falling(name, args), *WORDS, learnt=4)
        assert found.recipe is not None and "first epoch" in found.notes[-1].words
        for epoch in range(1, 8):
            rate = rate_in(found.recipe.rates, 0.4, epoch)
            assert rate == pytest.approx(expected(epoch + 4))
    grid = "{type: mayo.override.FixedPointQuantizer, width: 6, point: 0}"
    with pytest.raises(ValueError, match=r":2: one .*half way, with --learnt"):
        read(tmp_path, over(f"IncrementalQuantizer, quantizer: {grid}"), learnt=4)


def test_what_else_a_trainer_says_is_told_as_flags(tmp_path: Path) -> None:
    text = (
        "system: {batch_size_per_gpu: 32, num_gpus: 4, max_epochs: 20}\n"
        "train:\n"
        "  optimizer: {type: tf.train.MomentumOptimizer, momentum: 0.8, use_nesterov: true}\n"
        "  moving_average_decay: 0.999\n"
    )
    found = read(tmp_path, text)
    assert found.recipe is None
    told = {note.what.partition(" ")[0]: note.words for note in found.notes}
    assert told == {
        "system.batch_size_per_gpu": "--batch-size 32",
        "system.num_gpus": "that many workers, or --accumulate 4",
        "system.max_epochs": "--epochs 20",
        "train.optimizer": "--momentum 0.8 --nesterov",
        "train.moving_average_decay": "--ema 0.999",
    }
    plain = read(tmp_path, "train:\n  optimizer: {type: tf.train.GradientDescentOptimizer}\n")
    assert plain.notes[0].words == "--momentum 0"
    adam = read(tmp_path, "train:\n  optimizer: {type: tf.train.AdamOptimizer, beta1: 0.9}\n")
    assert adam.notes[0].verdict == "cannot be"
    flags = {flag for words in told.values() for flag in re.findall(r"--([a-z-]+)", words)}
    assert {flag.replace("-", "_") for flag in flags} < {one.name for one in fields(TrainConfig)}


@pytest.mark.parametrize(
    "text, why",
    [
        (falling("exponential_decay", "decay_steps: 0.001, decay_rate: 0.9, staircase: true"),
         "it falls 12,000 times"),
        (falling("polynomial_decay", "decay_steps: 8, cycle: true"), "begins again"),
        (falling("cosine_decay_restarts", "first_decay_steps: 3, m_mul: 0.5"), "m_mul: 1"),
        (falling("piecewise_constant", "boundaries: [1], values: [0.1, 0.0]"), "above 0 here"),
        *[(falling(name, "decay_steps: 3"), UNTRANSLATED[name]) for name in UNTRANSLATED],
    ],
)  # fmt: skip
def test_what_has_no_rule_says_why(text: str, why: str, tmp_path: Path) -> None:
    found = read(tmp_path, text, *WORDS)
    assert found.recipe is None and found.notes[-1].verdict == "cannot be"
    assert why in found.notes[-1].words
