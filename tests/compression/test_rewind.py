"""Rewinding: what is kept is as it was, what is masked is zero, and learning begins anew there."""

import io
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compression.masks import Level, masks_of, plain_copy
from compression.recipe import Recipe
from compression.schedule import Listed, When
from compression.selectors import Where
from compression.steps import AnyStep, ChannelsStep, MaskStep
from compression.steps.rewind import Rewind
from proxyless_nas.layer import Shape
from tests.training.learning import USUAL, images, short_plan
from training.learner import Learner, Manner
from training.losses import LabelLoss
from training.optimizer import sgd
from training.workers import Alone

pytestmark = pytest.mark.slow

SHAPE, PER_EPOCH, STEPS = Shape(3, 8, 8), 2, 16
TO, TIMES, SHARES = 2, (4, 8, 12), (0.3, 0.5, 0.7)
BOTH = Where(type=("Conv2d", "Linear"))
TICKET = MaskStep(
    method={"by": "level", "share": {"curve": "list", "to": list(SHARES)}},
    where=BOTH,
    when=When(begin=2, end=8, every=2),
    rewind=Rewind(to=1),
)


def small() -> nn.Module:
    """[B, 3, 8, 8] -> [B, 5], with batch statistics."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(32, 5),
    )  # fmt: skip


def learner_of(network: nn.Module, recipe: Recipe | None, ema: float | None = None) -> Learner:
    plan = short_plan(PER_EPOCH, STEPS)
    companion = None if recipe is None else recipe.accompany(network, SHAPE, plan)
    manner = Manner(loss=LabelLoss(), **{**USUAL, "ema": ema})
    return Learner(network, sgd(network, 0.2, 0.9, 1e-2), manner, Alone(), companion)


def taught(*steps: AnyStep, ema: float | None = None) -> Learner:
    return learner_of(small(), Recipe(steps), ema)


def learn(learner: Learner, begin: int, end: int) -> None:
    for number in range(begin, end):
        learner.step(number, [images(8, number)])


def state_of(network: nn.Module) -> dict[str, Tensor]:
    return {name: one.detach().clone() for name, one in plain_copy(network).state_dict().items()}


def assert_same(one: nn.Module, other: nn.Module) -> None:
    mine, yours = one.state_dict(), other.state_dict()
    assert mine.keys() == yours.keys()
    for name, tensor in mine.items():
        assert torch.equal(tensor, yours[name]), name


@pytest.mark.parametrize("count", [0, 1, 2])
def test_what_is_kept_is_as_it_was_and_what_is_masked_is_zero(count: int) -> None:
    learner, at = taught(TICKET), TIMES[count]
    assert learner.companion is not None
    learn(learner, 0, TO)
    then = state_of(learner.network)
    learn(learner, TO, at)
    learned = state_of(learner.network)
    assert learner.companion.before(at) and not learner.companion.before(at + 1)
    now, masks = state_of(learner.network), masks_of(learner.network)
    assert now.keys() == then.keys() and len(masks) == 3
    for name, tensor in now.items():
        if name in masks:
            kept = masks[name].kept
            assert int((~kept).sum()) == int(SHARES[count] * kept.numel() + 1e-6)
            assert torch.equal(tensor, then[name] * kept)
            chosen = Level(share=SHARES[count]).mask(learned[name], kept)
            assert torch.equal(kept, chosen)  # by what was learnt
        else:
            assert torch.equal(tensor, then[name])
        assert not torch.equal(tensor, learned[name]), name


def test_a_mask_only_grows() -> None:
    learner = taught(TICKET)
    before = {name: mask.kept.clone() for name, mask in masks_of(learner.network).items()}
    for number in range(STEPS):
        learner.step(number, [images(8, number)])
        for name, mask in masks_of(learner.network).items():
            assert not bool((mask.kept & ~before[name]).any())
            before[name] = mask.kept.clone()


def test_what_was_gathered_since_is_forgotten() -> None:
    """It goes on as one that begins with these weights, and so does the average."""
    learner = taught(TICKET, ema=0.9)
    learn(learner, 0, TIMES[1])
    network = deepcopy(learner.network)
    other = deepcopy(learner)
    assert other.companion is not None and other.companion.before(TIMES[1])
    network.load_state_dict(other.network.state_dict())
    fresh = learner_of(network, None, ema=0.9)
    for one in (learner, fresh):
        learn(one, TIMES[1], TIMES[2])
    assert_same(learner.network, fresh.network)
    assert_same(learner.result, fresh.result)


def passed_on(state: dict[str, Any]) -> dict[str, Any]:
    """As a later process reads it."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_a_run_that_was_cut_anywhere_ends_as_an_unbroken_one() -> None:
    whole = taught(TICKET, ema=0.5)
    states = []
    for number in range(STEPS):
        states.append(passed_on(whole.state()))
        learn(whole, number, number + 1)
    for number, state in enumerate(states):
        again = taught(TICKET, ema=0.5)
        again.restore(state)
        learn(again, number, STEPS)
        assert_same(again.network, whole.network)
        assert_same(again.result, whole.result)


def test_a_plain_network_has_nothing_to_remember() -> None:
    learner = taught(TICKET)
    learn(learner, 0, STEPS)
    assert learner.plain().state_dict().keys() == small().state_dict().keys()
    assert [learner.settled(done) for done in (TIMES[-1], TIMES[-1] + 1)] == [False, True]


def test_back_to_the_start_by_default() -> None:
    first = state_of(small())
    learner = taught(
        MaskStep(method={"by": "level", "share": 0.5}, when=When(begin=3), rewind=Rewind())
    )
    learn(learner, 0, 6)
    assert learner.companion is not None and learner.companion.before(6)
    for name, mask in masks_of(learner.network).items():
        assert torch.equal(state_of(learner.network)[name], first[name] * mask.kept)
    assert torch.equal(state_of(learner.network)["1.running_mean"], torch.zeros(8))


def test_another_mask_at_the_same_time_is_chosen_by_what_was_learnt() -> None:
    half = {"by": "level", "share": 0.5}
    times = When(begin=2, end=8, every=2)
    first = MaskStep(method=half, where=Where(type="Conv2d"), when=times, rewind=Rewind())
    learner = taught(first, MaskStep(method=half, where=Where(type="Linear"), when=times))
    start = state_of(small())["7.weight"]
    learn(learner, 0, TIMES[0])
    learned = state_of(learner.network)["7.weight"]
    learn(learner, TIMES[0], TIMES[0] + 1)
    kept = masks_of(learner.network)["7.weight"].kept
    assert torch.equal(kept, Level(share=0.5).mask(learned, kept))
    assert not torch.equal(kept, Level(share=0.5).mask(start, kept))


def test_channels_that_are_gone_stay_so() -> None:
    channels = ChannelsStep(macs=Listed(to=(0.8, 0.6)), when=When(end=6, every=3))
    learner = taught(channels, TICKET)
    gone: list[int] = []
    for number in range(STEPS):
        learn(learner, number, number + 1)
        sizes = [tensor.numel() for tensor in learner.plain().parameters()]
        gone.append(sum(sizes))
    assert gone == sorted(gone, reverse=True) and gone[-1] < gone[0]


@pytest.mark.parametrize(
    "begin, message",
    [
        (lambda: taught(MaskStep(method={"by": "random", "share": 0.5}, rewind=Rewind(to=1))),
         r"step 1 of the recipe \(mask\): it would rewind to epoch 1, but works from 0 on"),
        (lambda: Rewind(to=-1), "-1 is below 0"),
        (lambda: MaskStep(method={"by": "surgery"}, rewind=Rewind()), "surgery lets what is mask"),
        (lambda: Recipe((TICKET, TICKET)), "two steps rewind the whole network"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_before_anything_is_learnt(begin: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        begin()
