"""The step that makes layers narrow: once, and whatever learns or works behind it finds them."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from compression.apply import write_what_is_left
from compression.low_rank import Energy, Share
from compression.masks import masks_of
from compression.penalties import L1
from compression.program import PROGRAM
from compression.recipe import Recipe
from compression.schedule import Linear, When
from compression.selectors import Where
from compression.steps import (
    AnyStep,
    ChannelsStep,
    LowRankStep,
    MaskStep,
    PenaltyStep,
    TeachStep,
)
from proxyless_nas import hand_made, macs_of
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.layer import Shape
from proxyless_nas.published import published_spec
from proxyless_nas.subject import open_subject
from tests.compression.channels.networks import resnet, settle
from tests.training.learning import USUAL, images, plain_network, short_plan
from training.config import TrainConfig
from training.learner import Learner, Manner
from training.losses import LabelLoss
from training.optimizer import sgd
from training.prepare import first_network, learner_of
from training.workers import Alone

pytestmark = pytest.mark.slow

SHAPE = Shape(3, 8, 8)
NARROW = LowRankStep(rank=Share(share=0.25))
LEVEL = {"by": "level", "share": 0.5}


def taught(network: nn.Module, *steps: AnyStep, **how: float) -> Learner:
    companion = Recipe(steps).accompany(network, SHAPE, short_plan(2, 8))
    manner = Manner(loss=LabelLoss(), **{**USUAL, **how})
    return Learner(network, sgd(network, 0.05, 0.9, 1e-3), manner, Alone(), companion)


def weights(network: nn.Module) -> Tensor:
    return torch.cat([one.detach().flatten() for one in network.parameters()])


def test_the_narrow_layers_learn_and_the_result_is_a_plain_network() -> None:
    network = plain_network()
    whole = macs_of(network, SHAPE)
    learner = taught(network, NARROW)
    assert learner.companion is not None and "of 2 layers" in learner.companion.told()
    before = weights(network)
    losses = [float(learner.step(number, [images(8)])) for number in range(8)]
    assert losses[-1] < losses[0] and not torch.equal(before, weights(network))
    assert learner.settled(0)
    finished = learner.plain()
    assert finished.state_dict().keys() == network.state_dict().keys()
    assert macs_of(finished, SHAPE) < whole
    x, _ = images(4)
    torch.testing.assert_close(finished(x), network(x))


@pytest.mark.parametrize("ema", [None, 0.5])
def test_a_run_that_was_cut_builds_the_same_ranks_and_ends_the_same(ema: float | None) -> None:
    steps = (LowRankStep(rank=Energy(keep=0.6)), MaskStep(method=LEVEL, when=When(begin=1)))
    one = taught(plain_network(), *steps, ema=ema)  # pyright: ignore[reportArgumentType]
    for number in range(3):
        one.step(number, [images(8, number)])
    other = taught(plain_network(), *steps, ema=ema)  # pyright: ignore[reportArgumentType]
    other.restore(deepcopy(one.state()))
    for number in range(3, 8):
        for learner in (one, other):
            learner.step(number, [images(8, number)])
    assert torch.equal(weights(one.plain()), weights(other.plain()))


def test_masks_come_to_stand_on_the_narrow_layers() -> None:
    learner = taught(plain_network(), NARROW, MaskStep(method=LEVEL))
    assert set(masks_of(learner.network)) == {
        *(f"0.{part}.weight" for part in ("down", "core", "up")),
        *(f"4.{part}.weight" for part in ("down", "up")),
    }
    learner.step(0, [images(8)])
    for name, tensor in learner.plain().named_parameters():
        if name.endswith("weight"):
            assert int((tensor == 0).sum()) == tensor.numel() // 2, name


@pytest.mark.slow
def test_channels_leave_the_narrow_layers() -> None:
    network = settle(resnet(1, pads=True, base=8))
    narrow = LowRankStep(rank=Share(share=0.5), where=Where(exclude="0"))
    channels = ChannelsStep(macs=Linear(start=0.9, stop=0.6), when=When(end=2))
    learner = taught(network, narrow, channels)
    between = macs_of(network, SHAPE)
    for number in range(6):
        learner.step(number, [images(8, number)])
    smaller = learner.plain()
    assert macs_of(smaller, SHAPE) <= 0.6 * between
    x, _ = images(4, 99)
    with in_eval_mode(network), in_eval_mode(smaller):
        torch.testing.assert_close(smaller(x), network(x), rtol=1e-4, atol=1e-5)


def test_a_teacher_ahead_of_it_is_the_whole_network() -> None:
    network = plain_network()
    first = deepcopy(network)
    companion = Recipe((TeachStep(), NARROW)).accompany(network, SHAPE, short_plan(2, 8))
    companion.before(0)
    x, _ = images(8)
    with torch.no_grad():
        of_the_first, of_the_narrow = (
            companion.penalty(x, one(x), lambda logits: logits) for one in (first, network)
        )
    assert of_the_first is not None and abs(float(of_the_first)) < 1e-6
    assert of_the_narrow is not None and float(of_the_narrow) > 1e-3


def late(when: When) -> Callable[[], object]:
    return lambda: LowRankStep(rank=Share(share=0.5), when=when)


@pytest.mark.parametrize(
    "make, message",
    [
        (late(When(begin=1)), "works once, before anything is learnt: leave its `when` out"),
        (late(When(end=3)), "works once"),
        (lambda: LowRankStep(rank=Share(share=0.5), sweeps=-1), "-1 sweeps"),
        (lambda: LowRankStep(rank=Share(share=0.5), where=Where(role="bias")), "about weights"),
        (lambda: taught(plain_network(), LowRankStep(rank=Share(share=1.0))),
         r"step 1 of the recipe \(low-rank\): none of these .*0: rank 3 and 8 saves nothing"),
        (lambda: taught(settle(resnet(1)),
                        LowRankStep(rank=Share(share=1.0), where=Where(type="BatchNorm2d"))),
         "none of these layers becomes cheaper by a low rank$"),
        (lambda: Recipe((MaskStep(method=LEVEL), NARROW)),
         "low-rank replaces layers that mask works on: let low-rank come first"),
        (lambda: Recipe((TeachStep(), PenaltyStep(kind=L1(), strength=1.0), NARROW)),
         "low-rank replaces layers that penalty works on"),
        (lambda: Recipe((ChannelsStep(macs=0.5), NARROW)), "that channels works on"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_before_anything_is_learnt(
    make: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_the_optimizer_holds_what_a_recipe_has_left_of_the_network(tmp_path: Path) -> None:
    hand_made("smoke").save(str(tmp_path / "arch.json"))
    config = TrainConfig(arch=str(tmp_path / "arch.json"), no_wd=("norm", "bias", "depthwise"))
    subject = open_subject(config.arch)
    narrow = LowRankStep(rank=Share(share=0.25), where=Where(type="Conv2d"))
    steps = (narrow, MaskStep(method=LEVEL))

    def groups(accompany: Callable | None) -> tuple[Learner, dict[str, set[str]]]:
        network, here = first_network(config, subject), torch.device("cpu")
        learner = learner_of(config, subject, network, short_plan(2, 8), here, Alone(), accompany)
        names = {id(one): name for name, one in learner.network.named_parameters()}
        held = [{names[id(one)] for one in group["params"]}
                for group in learner.optimizer.param_groups]  # fmt: skip
        assert sorted([*held[0], *held[1]]) == sorted(names.values())
        return learner, dict(zip(("decayed", "spared"), held, strict=True))

    def plainly(names: set[str]) -> set[str]:
        return {one.replace("parametrizations.", "").replace(".original", "") for one in names}

    learner, compressed = groups(Recipe(steps).accompany)
    _, usual = groups(None)
    assert masks_of(learner.network)
    assert plainly(compressed["spared"]) == usual["spared"]
    assert any("depthwise.conv.parametrizations" in one for one in compressed["spared"])
    assert any(".conv.down." in one for one in compressed["decayed"])
    assert plainly(compressed["decayed"]) - usual["decayed"] == {
        f"{name}.weight" for name, part in learner.plain().named_modules()
        if name.rpartition(".")[2] in ("down", "core", "up")
    }  # fmt: skip


@pytest.mark.slow
def test_what_is_left_is_written_as_a_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_made("smoke").save(str(tmp_path / "arch.json"))
    subject = open_subject(str(tmp_path / "arch.json"))
    network = subject.build(seed=0)
    recipe = Recipe((LowRankStep(rank=Share(share=0.25)),))
    plain = recipe.accompany(network, subject.input, short_plan(2, 8)).plain(network)
    write_what_is_left(subject, plain, tmp_path)
    assert "no description fits what is left" in capsys.readouterr().out
    assert not (tmp_path / "spec.json").exists()
    program = torch.export.load(tmp_path / PROGRAM).module()
    shape = subject.input
    x = torch.randn(3, shape.channels, shape.height, shape.width)
    torch.testing.assert_close(program(x), plain.eval()(x))


@pytest.mark.slow
def test_a_network_with_batch_norms_goes_through_a_learner() -> None:
    network = published_spec("resnet20_cifar").build(seed=0)
    learner = taught(network, LowRankStep(rank=Energy(keep=0.5), sweeps=1))
    before = macs_of(published_spec("resnet20_cifar").build(seed=0), SHAPE)
    for number in range(2):
        assert torch.isfinite(learner.step(number, [images(8, number)]))
    assert macs_of(learner.plain(), SHAPE) < 0.7 * before
