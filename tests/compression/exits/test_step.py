"""The step `do: exits`: all learn in one pass, and what is left is a network with exits."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compression.exits import Exit, WithExits, add_exits
from compression.exits.taps import taps_of
from compression.recipe import Recipe, read_recipe
from compression.schedule import Linear, When
from compression.selectors import Where
from compression.steps import ChannelsStep, ExitsStep, MaskStep, TeachStep
from compression.steps.exits import WeighedExit
from proxyless_nas.layer import Shape
from tests.compression.channels.networks import Residual, conv, settle
from tests.training.learning import USUAL, short_plan
from training.batch_norm import reestimate
from training.learner import Learner, Manner
from training.losses import AnyLoss, LabelLoss, Teacher, TeacherLoss
from training.optimizer import sgd
from training.workers import Alone

pytestmark = pytest.mark.slow

SHAPE, CLASSES = Shape(3, 8, 8), 5
ALWAYS = When()
PLACES = (Exit(behind="1"), Exit(behind="2", width=6))


def network(norm: bool = True) -> nn.Module:
    torch.manual_seed(1)
    body = [Residual(8, 8, 1), Residual(8, 8, 1)] if norm else [conv(8, 8), conv(8, 8)]
    tail = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES))
    return nn.Sequential(conv(3, 8), *body, nn.Sequential(nn.ReLU(), conv(8, 8)), *tail)


def step(first: Any = 0.3, second: Any = 0.2, when: When = ALWAYS, width: int | None = 6) -> Any:
    heads = (
        WeighedExit(behind="1", weight=first),
        WeighedExit(behind="2", weight=second, width=width),
    )
    return ExitsStep(heads=heads, when=when)


def taught(module: nn.Module, *steps: Any, loss: AnyLoss | None = None, **how: Any) -> Learner:
    """As `learner_of` puts it together: first the companion, then the optimizer."""
    companion = Recipe(steps).accompany(module, SHAPE, short_plan(2, 8))
    manner = Manner(loss=loss or LabelLoss(), **{**USUAL, **how})
    return Learner(module, sgd(module, 0.1, 0.9, 1e-3), manner, Alone(), companion)


def batch(number: int, count: int = 8) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(number)
    x = torch.randn(count, SHAPE.channels, SHAPE.height, SHAPE.width, generator=chance)
    return x, torch.randint(CLASSES, (count,), generator=chance)


def same(one: nn.Module, other: nn.Module) -> None:
    torch.testing.assert_close(one.state_dict(), other.state_dict())


def test_the_loss_and_its_slopes_are_those_of_all_answers_weighed() -> None:
    """Beside it stands the same network with exits, asked for all its answers at once."""
    source = network()
    parted = add_exits(deepcopy(source), SHAPE, PLACES).train()
    learner = taught(source, step())
    x, y = batch(0)
    losses = [F.cross_entropy(said, y) for said in parted(x)]
    expected = 0.3 * losses[0] + 0.2 * losses[1] + 0.5 * losses[2]
    expected.backward()
    torch.testing.assert_close(learner.step(0, [(x, y)]), expected.detach())
    slopes = {name: one.grad for name, one in source.named_parameters()}
    assert len(slopes) == len(list(parted.parameters()))
    for name, own in parted.named_parameters():
        plain = name.split(".", 2)[2] if name.startswith("stages") else name
        torch.testing.assert_close(slopes[plain], own.grad)
    with torch.no_grad():  # the batch norms of both have seen the same images
        for (_, a), (_, b) in zip(
            learner.plain().named_buffers(), parted.named_buffers(), strict=True
        ):
            torch.testing.assert_close(a, b)


def mixed(y: Tensor) -> Tensor:
    return 0.7 * F.one_hot(y, CLASSES).float() + 0.3 / CLASSES


@pytest.mark.parametrize("smoothing, teaches, mixes", [(0.1, False, True), (0.0, True, False)])
def test_exits_are_judged_by_the_trainings_own_loss(
    smoothing: float, teaches: bool, mixes: bool
) -> None:
    source = network()
    parted = add_exits(deepcopy(source), SHAPE, PLACES).train()
    loss: AnyLoss = LabelLoss(smoothing)
    if teaches:
        loss = TeacherLoss(loss, Teacher(network(norm=False), 2.0), 0.4)
    changes = [lambda x, y: (x, mixed(y))] if mixes else []
    learner = taught(source, step(), loss=loss, changes=changes)
    x, y = batch(0)
    target = mixed(y) if mixes else y
    losses = [loss(said, x, target) for said in parted(x)]
    expected = 0.3 * losses[0] + 0.2 * losses[1] + 0.5 * losses[2]
    torch.testing.assert_close(learner.step(0, [(x, y)]), expected.detach())


def test_a_step_in_several_passes_is_the_step_in_one() -> None:
    whole = taught(network(norm=False), step(width=None))
    parts = taught(network(norm=False), step(width=None), passes=4)
    for number in range(3):
        x, y = batch(number)
        losses = (
            whole.step(number, [(x, y)]),
            parts.step(number, list(zip(x.chunk(4), y.chunk(4), strict=True))),
        )
        torch.testing.assert_close(*losses)
    same(whole.network, parts.network)


def test_what_is_left_answers_as_the_network_and_its_heads_did() -> None:
    learner = taught(network(), step())
    first = deepcopy(learner.network.state_dict())
    for number in range(8):
        learner.step(number, [batch(number)])
    moved = [key for key, one in learner.network.state_dict().items() if not one.equal(first[key])]
    assert {key for key in moved if key.startswith("exits")} >= {
        "exits.0.classifier.linear.weight",
        "exits.1.conv.conv.weight",
        "exits.1.conv.bn.running_var",
    }
    left = learner.plain().eval()
    assert isinstance(left, WithExits) and left.places == PLACES
    taps = taps_of(learner.network)
    assert len(taps) == 2 and not taps_of(left)  # the copy was taken apart, not the network
    x, _ = batch(99)
    learner.network.eval()
    with torch.no_grad():
        torch.testing.assert_close(left(x)[-1], learner.network(x))
        features = learner.network.get_submodule("0")(x)
        for number, head in enumerate(learner.network.get_submodule("exits").children()):
            features = learner.network.get_submodule(str(number + 1))(features)
            torch.testing.assert_close(left(x)[number], head(features))
    assert all(one.said is None for one in taps)  # in eval mode nobody listens


def test_the_average_has_exits_of_its_own() -> None:
    module = network()
    learner = taught(module, step(), ema=0.8)
    followed: dict[str, Tensor] = {}
    for number in range(4):
        learner.step(number, [batch(number)])
        now = {key: one.detach().clone() for key, one in module.named_parameters()}
        followed = {k: 0.8 * followed[k] + 0.2 * v for k, v in now.items()} if followed else now
    left = learner.plain().eval()
    for number in range(2):
        own = dict(left.exits[number].named_parameters())  # type: ignore[index]
        for key, tensor in own.items():
            torch.testing.assert_close(tensor.detach(), followed[f"exits.{number}.{key}"])
    x, _ = batch(99)
    with torch.no_grad():
        torch.testing.assert_close(left(x)[-1], learner.result.eval()(x))


def test_a_restored_learner_goes_on_as_the_one_it_was() -> None:
    one, other = (taught(network(), step(Linear(start=0.1, stop=0.4)), ema=0.9) for _ in range(2))
    for number in range(3):
        one.step(number, [batch(number)])
    other.restore(deepcopy(one.state()))
    for number in range(3, 8):
        losses = [each.step(number, [batch(number)]) for each in (one, other)]
        assert torch.equal(*losses)
    same(one.plain(), other.plain())


def test_weights_follow_their_times_and_outside_them_the_network_learns_alone() -> None:
    """Two steps an epoch; in epoch 1 the first exit weighs 0.1, in epoch 2 it weighs 0.4."""
    source = network(norm=False)
    when = When(begin=1, end=3)
    learner = taught(source, step(Linear(start=0.1, stop=0.4), 0.2, when, None))
    for number in range(8):
        x, y = batch(number)
        with torch.no_grad():
            losses = [F.cross_entropy(said, y) for said in learner.plain()(x)]
        first, second = {1: (0.1, 0.2), 2: (0.4, 0.2)}.get(number // 2, (0.0, 0.0))
        expected = first * losses[0] + second * losses[1] + (1 - first - second) * losses[2]
        torch.testing.assert_close(learner.step(number, [(x, y)]), expected)
        slope = source.get_parameter("exits.0.classifier.linear.weight").grad
        assert slope is not None and bool(slope.any()) == (first > 0)


def test_batch_norms_of_heads_are_estimated_anew_with_the_others() -> None:
    learner = taught(network(), step())
    learner.step(0, [batch(0)])
    reestimate(learner.network, [batch(1, 64)])
    seen: list[Tensor] = []
    head = learner.network.get_submodule("exits.1")
    head.get_submodule("conv.conv").register_forward_hook(lambda *given: seen.append(given[2]))
    reestimate(learner.network, [batch(1, 64)])
    mean = head.get_submodule("conv.bn").get_buffer("running_mean")
    torch.testing.assert_close(mean, seen[0].mean((0, 2, 3)))
    assert all(one.said is None for one in taps_of(learner.network))


def test_other_steps_work_beside_it() -> None:
    masks = MaskStep(
        method={"by": "level", "share": 0.5}, where=Where(type=("Conv2d", "Linear"), exclude="0")
    )
    for order in ((step(), masks, TeachStep()), (masks, TeachStep(), step())):
        learner = taught(network(), *order)
        for number in range(4):
            learner.step(number, [batch(number)])
        left = learner.plain()
        assert isinstance(left, WithExits)
        zeros = {name: float((one == 0).float().mean()) for name, one in left.named_parameters()}
        assert zeros["stages.1.2.conv1.weight"] == pytest.approx(0.5, abs=0.01)
        masked = zeros["exits.1.conv.conv.weight"] == pytest.approx(0.5, abs=0.01)
        assert masked == (order[0] is not masks)  # only what stands there when the step begins
        assert not any("parametrizations" in name for name in left.state_dict())


@pytest.mark.parametrize(
    "steps, message",
    [
        ([step(0.6, 0.4)], r"\(exits\): the weights of the exits add up to 1"),
        ([step(Linear(start=0.1, stop=0.9), 0.2)], r"\(exits\): .*add up to 1\.1"),
        ([step(-0.1)], r"\(exits\): a strength of -0\.1 is below 0"),
        ([ExitsStep(heads=())], r"\(exits\): no exits"),
        ([step(), step()], r"step 2 .*\(exits\): the network has exits already"),
        ([ChannelsStep(macs=0.9), step()], r"step 2 .*\(exits\): an earlier step removes channels"),
        ([step(), ChannelsStep(macs=0.9)], r"step 2 .*\(channels\): an earlier step puts exits"),
        (
            [ExitsStep(heads=(WeighedExit(behind="9", weight=0.3),))],
            r"\(exits\): no part of the network is named '9'",
        ),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_learnt(
    steps: list[Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        taught(settle(network()), *steps)


def test_it_is_read_from_a_recipe(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(
        "steps: [{do: exits, heads: [{behind: '1', weight: 0.3}, "
        "{behind: '2', weight: 0.2, width: 6}]}]"
    )
    assert read_recipe(file) == Recipe((step(),))
    file.write_text("steps: [{do: exits, heads: [{behind: '1', weigth: 0.3}]}]")
    with pytest.raises(ValueError, match="weigth"):
        read_recipe(file)
