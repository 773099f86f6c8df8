"""The step that rounds when everything has been learnt: it rounds what learned without it."""

import json
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from msgspec import ValidationError, convert
from torch import Tensor, nn

from compression.apply import write_what_is_left
from compression.low_rank import Share
from compression.quantizers.activations import RangeActivations
from compression.quantizers.asking import uniformly
from compression.quantizers.files import open_quantized
from compression.quantizers.fold import folded
from compression.quantizers.place import Asked, quantizable, quantization_of
from compression.quantizers.rounding import rounded
from compression.quantizers.weights import RangeWeights
from compression.recipe import Recipe
from compression.schedule import When
from compression.selectors import Where
from compression.steps import (
    AnyStep,
    ChannelsStep,
    ExitsStep,
    GateStep,
    LowRankStep,
    MaskStep,
    NarrowStep,
    QuantizeStep,
    RoundStep,
    TeachStep,
)
from compression.steps.exits import WeighedExit
from proxyless_nas.bits import Bits
from proxyless_nas.layer import Shape
from proxyless_nas.published import published_spec
from proxyless_nas.subject import open_subject
from proxyless_nas.weights import save_tensors
from tests.commands.helpers import run_here, well
from tests.compression.channels.networks import settle
from tests.shared import shared
from tests.training.learning import USUAL, short_plan
from training.learner import Learner, Manner
from training.losses import LabelLoss
from training.optimizer import sgd
from training.workers import Alone

STEPS, PER_EPOCH = 4, 2
HALF = {"by": "level", "share": 0.5}
SHAPE = Shape(3, 32, 32)
FOUR = RangeWeights(bits=4)
HEADS = (WeighedExit(behind="blocks.3", weight=0.3),)
SECOND = "blocks.1.first.conv"


def resnet() -> nn.Module:
    return settle(published_spec("resnet20_cifar").build(seed=0))


def batch(number: int) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(number)
    return torch.randn(4, 3, 32, 32, generator=chance), torch.randint(4, (4,), generator=chance)


def seen(count: int) -> Sequence[tuple[Tensor, Tensor]]:
    return [batch(number) for number in range(count // 4)]


def learned(
    network: nn.Module,
    *steps: AnyStep,
    epochs: int = STEPS // PER_EPOCH,
    ema: float | None = None,
) -> Learner:
    plan = short_plan(PER_EPOCH, epochs * PER_EPOCH)
    companion = Recipe(steps).accompany(network, SHAPE, plan, seen) if steps else None
    manner = Manner(loss=LabelLoss(), **{**USUAL, "ema": ema})
    learner = Learner(network, sgd(network, 1e-3, 0.9, 1e-3), manner, Alone(), companion)
    if not epochs:
        learner.begin()
    for number in range(epochs * PER_EPOCH):
        learner.step(number, [batch(number)])
    return learner


@pytest.mark.parametrize(
    "before",
    [
        [],
        pytest.param([NarrowStep(macs=0.7)], marks=pytest.mark.slow),
        pytest.param([ChannelsStep(macs=0.7)], marks=pytest.mark.slow),
    ],
)
def test_what_learned_without_it_is_rounded(before: list[AnyStep]) -> None:
    network = resnet()
    plain = learned(deepcopy(network), *before).plain()
    step = RoundStep(weights=FOUR, activations=RangeActivations(), seen=8, reconstruct=20)
    learner = learned(network, *before, step)
    whole = folded(plain, SHAPE)
    both = Asked(weights=FOUR, activations=RangeActivations())
    expected = rounded(whole, uniformly(both, quantizable(whole, SHAPE), 8), seen(8), 20)
    left = learner.plain()
    torch.testing.assert_close(left.state_dict(), expected.state_dict(), rtol=0, atol=0)
    assert learner.leaves_another() and not quantization_of(learner.network).layers


def test_bits_of_layers_and_zeros_stand_in_one_recipe_and_open_again(tmp_path: Path) -> None:
    subject = open_subject("resnet20_cifar")
    network = resnet()
    bits = {name: Bits(32, 32) for name in quantizable(network, SHAPE)}
    bits |= {"stem.conv": Bits(8, 32), SECOND: Bits(3, 32)}
    steps = (
        TeachStep(),
        NarrowStep(keep={"blocks.0.first.conv": 9}),
        MaskStep(method=HALF, where=Where(name=(SECOND,)), when=When(times=(0,))),
        RoundStep(weights=FOUR, policy=bits),
    )
    left = learned(network, *steps, epochs=0).plain()
    weight = left.get_submodule(SECOND).weight
    assert isinstance(weight, Tensor) and (weight == 0).float().mean() >= 0.5
    assert all(len(row.unique()) <= 7 for row in weight)
    assert set(quantization_of(left).layers) == {"stem.conv", SECOND}
    write_what_is_left(subject, left, tmp_path)
    save_tensors(tmp_path / "weights.pt", left.state_dict())
    opened, _ = open_quantized(tmp_path / "quantized.json")
    x, _ = batch(0)
    torch.testing.assert_close(opened(x), left(x), rtol=0, atol=0)


@pytest.mark.slow
def test_an_average_has_what_is_done_ahead_of_no_step() -> None:
    steps = (ChannelsStep(macs=0.7), RoundStep(weights=FOUR))
    alone, averaged = (
        learned(resnet(), *steps, epochs=0, ema=ema).plain().state_dict() for ema in (None, 0.9)
    )
    torch.testing.assert_close(averaged, alone, rtol=0, atol=0)


class Shared(nn.Module):
    """Two convolutions of one weight, and a layer that cannot be folded: two parts take it."""

    def __init__(self, tied: bool) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.second, self.third = (nn.Conv2d(4, 4, 3, padding=1) for _ in range(2))
        if tied:
            self.third.weight = self.second.weight
        self.last = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = self.third(self.second(x + self.norm(x)).relu()).relu()
        return self.last(x.mean(dim=(2, 3)))


def untied() -> nn.Module:
    return Shared(tied=False)


UNTIED = "tests.compression.test_round_step:untied"


def test_what_could_not_be_rounded_in_the_end_is_refused_before_anything_is_learnt() -> None:
    with pytest.raises(ValueError, match=r"step 1 .*round.*`fold: false` leaves them"):
        learned(settle(untied()), RoundStep(weights=FOUR))
    with pytest.raises(ValueError, match=r"step 1 .*round.*second.*stands in several layers"):
        learned(Shared(tied=True), RoundStep(weights=FOUR, fold=False))


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        pytest.param(
            *("resnet20_cifar", (LowRankStep(rank=Share(share=0.5)), RoundStep(weights=FOUR))),
            marks=pytest.mark.slow,
        ),
        (UNTIED, (NarrowStep(keep={"second": 3}), QuantizeStep(weights=FOUR))),
    ],
)
def test_where_no_description_fits_a_program_is_left(
    name: str, steps: tuple[AnyStep, ...], tmp_path: Path
) -> None:
    subject = open_subject(name, 32, 4 if name == UNTIED else None)
    left = learned(settle(subject.build(seed=0)), *steps, epochs=0).plain().eval()
    write_what_is_left(subject, left, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"network.pt2"}
    x, _ = batch(0)
    program = torch.export.load(tmp_path / "network.pt2").module()
    torch.testing.assert_close(program(x[:1]), left(x[:1]), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_without_training_it_is_the_command_that_rounds(tmp_path: Path) -> None:
    source = [
        "--arch", "resnet20_cifar", "--dataset", "cifar10", "--normalise", "half",
        "--weights", shared("data/distiller/resnet20_cifar10_dense.pth.tar"),
        "--path", shared("data/cifar10_lossless_6102.npz"), "--workers", 0,
    ]  # fmt: skip
    flags = ["--weight-bits", 3, "--activation-bits", "None", "--ends", "same", "--limit", 10]
    well(run_here("-m", "compression", "quantize", *source, *flags, "--out", tmp_path / "one"))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("steps: [{do: round, weights: {by: range, bits: 3}, ends: same}]")
    flags = ["--epochs", 0, "--compress", recipe, "--out", tmp_path / "other"]
    said = well(run_here("main.py", *source, *flags))
    one, other = (torch.load(tmp_path / name / "weights.pt") for name in ("one", "other"))
    torch.testing.assert_close(other, one, rtol=0, atol=0)
    after = json.loads((tmp_path / "one" / "report.json").read_text())["after"]
    assert f"top-1 {after['top1']:.2%}" in said


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ([RoundStep(weights=FOUR), TeachStep()], "round works on what all others leave"),
        ([QuantizeStep(weights=FOUR), RoundStep(weights=FOUR)], "what quantize leaves"),
        ([GateStep(density=0.5), RoundStep(weights=FOUR)], "what gate leaves"),
        ([ExitsStep(heads=HEADS), RoundStep(weights=FOUR)], "what exits leaves"),
        (
            [MaskStep(method=HALF), RoundStep(weights=FOUR, reconstruct=2)],
            "is masked, and with `reconstruct` zeros would not stay",
        ),
        (
            [MaskStep(method=HALF), RoundStep(weights=RangeWeights(bits=1))],
            "have no level that stays 0",
        ),
        ([RoundStep(weights=FOUR, policy={"stem": Bits(4, 32)})], "no layer stem that computes"),
    ],
)
def test_what_does_not_go_together_is_refused_at_once(steps: list[AnyStep], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        learned(resnet(), *steps, epochs=0)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"when": {"end": 1}}, "leave its `when` out"),
        ({"reconstruct": -1}, "0 steps or more"),
        ({"weights": {"by": "powers"}, "reconstruct": 5}, "evenly spaced levels"),
        ({"policy": {"stem": {"weights": 9, "activations": 8}}}, "1 to 8, or 32"),
    ],
)
def test_what_cannot_be_is_refused(words: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        convert({"do": "round", "weights": {"by": "range"}} | words, AnyStep)
