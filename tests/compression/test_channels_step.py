"""The step that removes channels: as many as must go, for good, and the network is the same."""

from copy import deepcopy

import pytest
import torch
from msgspec import structs
from torch import Tensor, nn

from compression.importance import L1, ActivationMean, Random, Taylor
from compression.masks import masks_of
from compression.recipe import Recipe
from compression.schedule import Linear, When
from compression.selectors import Where
from compression.steps import ChannelsStep, MaskStep, SparseGroupsStep, TeachStep
from proxyless_nas import macs_of, parameters_of
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.layer import Shape
from proxyless_nas.published import published_spec
from tests.compression.channels.networks import NETWORKS, settle
from tests.training.learning import USUAL, short_plan
from training.learner import Learner, Manner
from training.losses import LabelLoss, Teacher
from training.optimizer import sgd
from training.workers import Alone

STEPS, PER_EPOCH = 8, 2
pytestmark = pytest.mark.slow
CASES = ("plain", "squeeze and excitation", "concatenation", "depthwise, grouped and transposed")
CASES += ("chunk", "reused layer", "shortcut of option A")
PARTLY = Where(name=("blocks.3.second.conv", "blocks.?.first.conv"))
HALF = ChannelsStep(macs=Linear(start=0.9, stop=0.5), when=When(begin=1, end=3))


def taught(
    network: nn.Module, shape: Shape, *steps: ChannelsStep | MaskStep | TeachStep, **how: float
) -> Learner:
    """A learner under a recipe."""
    optimizer = sgd(network, 1e-3, 0.9, 1e-3)
    companion = Recipe(steps).accompany(network, shape, short_plan(PER_EPOCH, STEPS))
    manner = Manner(loss=LabelLoss(), **{**USUAL, **how})
    return Learner(network, optimizer, manner, Alone(), companion)


def images(shape: Shape, number: int) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(number)
    x = torch.randn(4, shape.channels, shape.height, shape.width, generator=chance)
    return x, torch.randint(4, (4,), generator=chance)


def resnet() -> tuple[nn.Module, Shape]:
    return settle(published_spec("resnet20_cifar").build(seed=0)), Shape(3, 16, 16)


@pytest.mark.parametrize("rank", ["evenly", "lowest-first"])
@pytest.mark.parametrize("name", CASES)
def test_what_is_gone_stays_gone_and_is_removed_at_the_end(name: str, rank: str) -> None:
    source, size, _ = NETWORKS[name]
    network, shape = settle(deepcopy(source)), Shape(*size[1:])
    whole = macs_of(network, shape)
    step = ChannelsStep(macs=Linear(start=0.95, stop=0.7), rank=rank, when=When(begin=1, end=3))  # pyright: ignore
    learner = taught(network, shape, step)
    before = whole
    for number in range(STEPS):
        learner.step(number, [images(shape, number)])
        smaller = learner.plain()
        macs = macs_of(smaller, shape)
        assert macs <= before  # nothing comes back
        before = macs
        limit = {0: 1.0, 1: 0.95}.get(number // PER_EPOCH, 0.7)
        assert macs <= limit * whole
        x, _ = images(shape, 99)
        with in_eval_mode(network), in_eval_mode(smaller):
            torch.testing.assert_close(smaller(x), network(x), rtol=1e-4, atol=1e-5)
        assert set(smaller.state_dict()) == set(source.state_dict())


def test_an_average_loses_the_same_channels() -> None:
    network, shape = resnet()
    learner = taught(network, shape, HALF, ema=0.5)
    for number in range(STEPS):
        learner.step(number, [images(shape, number)])
    assert learner.result is not learner.network
    smaller = learner.plain()
    assert macs_of(smaller, shape) <= 0.5 * macs_of(published_spec("resnet20_cifar").build(), shape)
    x, _ = images(shape, 99)
    with in_eval_mode(learner.result), in_eval_mode(smaller):
        torch.testing.assert_close(smaller(x), learner.result(x), rtol=1e-4, atol=1e-5)


def test_channels_elements_and_a_teacher_in_one_recipe() -> None:
    network, shape = resnet()
    first = deepcopy(network)
    elements = MaskStep(
        method={"by": "level", "share": 0.8}, where=Where(type="Conv2d"), when=When(begin=3)
    )
    learner = taught(network, shape, HALF, elements, TeachStep(strength=0.5, temperature=2.0))
    for number in range(STEPS):
        x, y = images(shape, number)
        loss = learner.step(number, [(x, y)])
        if not number:
            alone = nn.functional.cross_entropy(first(x), y)
            taught_too = 0.5 * Teacher(first, 2.0)(first(x), x)
            torch.testing.assert_close(loss, (alone + taught_too).detach())
    smaller = learner.plain()
    assert parameters_of(smaller) < parameters_of(first)
    for name in masks_of(network):  # a share of what is left
        zero = (smaller.get_parameter(name) == 0).float().mean()
        assert float(zero) == pytest.approx(0.8, abs=0.01), name


@pytest.mark.parametrize("score", [Taylor(), ActivationMean()])
def test_scores_that_look_at_images_see_those_of_the_training(score: Taylor) -> None:
    source, shape = resnet()
    asked = list[int]()

    def seen(count: int) -> list[tuple[Tensor, Tensor]]:
        asked.append(count)
        return [images(shape, number) for number in range(2)]

    step = structs.replace(HALF, score=score, seen=8, rank="lowest-first")
    plan = short_plan(PER_EPOCH, STEPS)

    def begun() -> Learner:
        network = deepcopy(source)
        companion = Recipe((step,)).accompany(network, shape, plan, seen)
        manner = Manner(loss=LabelLoss(), **USUAL)
        return Learner(network, sgd(network, 1e-3, 0.9, 1e-3), manner, Alone(), companion)

    whole = begun()
    for number in range(STEPS):
        whole.step(number, [images(shape, number)])
        if number == 3:
            state = deepcopy(whole.state())
    assert asked == [8]
    smaller = whole.plain()
    assert macs_of(smaller, shape) <= 0.5 * macs_of(source, shape)
    again = begun()
    again.restore(state)  # pyright: ignore[reportPossiblyUnboundVariable]
    for number in range(4, STEPS):
        again.step(number, [images(shape, number)])
    torch.testing.assert_close(again.plain().state_dict(), smaller.state_dict())
    with pytest.raises(ValueError, match="8 training images are to be looked at, and none"):
        Recipe((step,)).accompany(deepcopy(source), shape, plan)


def test_widths_are_multiples_and_layers_that_are_left_out_keep_theirs() -> None:
    network, shape = resnet()
    where = Where(exclude=("stem.*", "blocks.4.*"))
    step = ChannelsStep(macs=0.7, multiple=4, score=L1(tensors="makers"), where=where)
    learner = taught(network, shape, step)
    learner.step(0, [images(shape, 0)])
    smaller = learner.plain()
    widths = {n: m.out_channels for n, m in smaller.named_modules() if isinstance(m, nn.Conv2d)}
    assert widths["stem.conv"] == widths["blocks.0.second.conv"] == 16
    assert widths["blocks.4.first.conv"] == widths["blocks.4.second.conv"] == 32
    assert widths["blocks.0.first.conv"] < 16
    assert all(width % 4 == 0 for width in widths.values())


@pytest.mark.parametrize(
    "step",
    [ChannelsStep(macs=0.9, where=PARTLY), SparseGroupsStep(strength=1.0, where=PARTLY)],
)
def test_a_group_that_where_names_in_part_stays_and_that_is_told(
    step: ChannelsStep | SparseGroupsStep,
) -> None:
    network, shape = resnet()
    companion = Recipe((step,)).accompany(network, shape, short_plan(PER_EPOCH, STEPS))
    assert companion.told() == (
        "channels of blocks.3.second.conv stay: they leave only with those of "
        "blocks.3.shortcut.conv, blocks.4.second.conv, blocks.5.second.conv, which `where` leaves "
        "out"
    )


@pytest.mark.parametrize(
    "step, message",
    [
        (ChannelsStep(macs=0.001), r"cannot be met: with as few channels as may stay"),
        (ChannelsStep(macs=0.9, where=Where(name="classifier.*")), "make no channels that can"),
        (ChannelsStep(macs=50), "above 0 and up to 1, not 50"),
        (ChannelsStep(macs=Linear(start=0.5, stop=0.9)), "the share `macs` rises"),
        (
            ChannelsStep(macs=0.9, where=Where(name="blocks.0.second.conv")),
            r"those of stem\.conv leave with blocks\.0\.second\.conv",
        ),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_learnt(step: ChannelsStep, message: str) -> None:
    network, shape = resnet()
    with pytest.raises(ValueError, match=rf"step 1 of the recipe \(channels\): .*{message}"):
        taught(network, shape, step)


def test_a_second_step_for_channels_is_refused() -> None:
    network, shape = resnet()
    with pytest.raises(
        ValueError, match=r"step 2 of the recipe .*an earlier step removes channels"
    ):
        taught(network, shape, HALF, HALF)


def test_channels_that_nobody_takes_are_left_alone() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.aside = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 6, 3)
            self.head = nn.Linear(8 * 36, 4)

        def forward(self, x: Tensor) -> Tensor:
            self.aside(x)
            return self.head(self.a(x).flatten(1))

    network, shape = Unused(), Shape(3, 8, 8)
    learner = taught(network, shape, ChannelsStep(macs=0.7))
    learner.step(0, [images(shape, 0)])
    sizes = {name: len(one) for name, one in learner.plain().state_dict().items()}
    assert sizes["aside.weight"] == 6 and sizes["a.weight"] < 8


def test_a_weight_that_stands_in_two_layers_is_refused() -> None:
    one, other = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
    other.weight = one.weight
    network = nn.Sequential(nn.Conv2d(3, 4, 1), one, other, nn.Flatten(), nn.Linear(64, 4))
    with pytest.raises(ValueError, match=r"1\.weight stands in several layers \(1, 2\)"):
        step = ChannelsStep(macs=0.9, score=Random())
        Recipe((step,)).accompany(network, Shape(3, 4, 4), short_plan(PER_EPOCH, STEPS))
