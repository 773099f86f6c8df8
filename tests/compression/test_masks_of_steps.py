"""What steps that mask have in common: below the mask, how long it lasts, and whole structures."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compression.masks import Mask, dense_of, masks_of
from compression.recipe import Recipe
from compression.schedule import When
from compression.selectors import Where
from compression.steps import MaskStep, RemoveStep, StructuresStep
from compression.steps.masks import Below
from proxyless_nas.layer import Shape
from tests.compression.channels.networks import NETWORKS, settle
from tests.training.learning import USUAL, images, plain_network, short_plan
from training.learner import Learner, Manner
from training.losses import LabelLoss
from training.optimizer import sgd
from training.workers import Alone

SHAPE = Shape(3, 8, 8)
CONV = Where(type="Conv2d")
HALF = {"by": "level", "share": 0.5}


def taught(
    *steps: MaskStep | StructuresStep | RemoveStep, network: nn.Module | None = None, **how: Any
) -> Learner:
    network = plain_network() if network is None else network
    companion = Recipe(steps).accompany(network, SHAPE, short_plan(2, 8))
    manner = Manner(loss=LabelLoss(), **{**USUAL, **how})
    return Learner(network, sgd(network, 0.1, 0.9, 1e-3), manner, Alone(), companion)


def learn(learner: Learner, first: int, last: int) -> None:
    for number in range(first, last):
        learner.step(number, [images(8, number)])


def mask_of(learner: Learner) -> Mask:
    elements = masks_of(learner.network, "elements")
    return next(iter((elements or masks_of(learner.network, "structures")).values()))


def below(learner: Learner) -> Tensor:
    return dense_of(learner.network.get_submodule("0"), "weight").detach().clone()


@pytest.mark.parametrize("how", ["waits", "learns", "zero", "from-zero"])
def test_what_is_masked_waits_learns_or_is_zero(how: Below) -> None:
    step = MaskStep(method=HALF, where=CONV, below=how, when=When(begin=1, end=2))
    learner = taught(step)
    learn(learner, 0, 2)
    before = below(learner)
    learn(learner, 2, 4)
    gone = ~mask_of(learner).kept
    assert int(gone.sum()) == gone.numel() // 2
    after, dense = below(learner), dense_of(learner.network.get_submodule("0"), "weight")
    assert dense.grad is not None and bool((dense.grad[~gone] != 0).all())
    learns = how in ("learns", "from-zero")
    assert bool((dense.grad[gone] != 0).all()) if learns else bool((dense.grad[gone] == 0).all())
    assert learner.companion is not None
    learner.companion.before(4)
    now = below(learner)
    assert bool((now[~gone] != before[~gone]).all())
    if how in ("zero", "from-zero"):
        assert bool((now[gone] == 0).all()) and bool((after[gone] != 0).any())
    else:
        assert torch.equal(now, after) and bool((now[gone] != 0).all())
    assert bool((learner.plain().get_submodule("0").get_parameter("weight")[gone] == 0).all())


def test_a_mask_that_lasts_acts_in_training_alone() -> None:
    when = When(begin=0, end=3, every=1)
    learner = taught(MaskStep(method=HALF, where=CONV, lasts=1, when=when))
    kept: list[bool] = []
    for number in range(8):
        learner.step(number, [images(8, number)])
        kept.append(bool(mask_of(learner).kept.all()))
    assert kept == [False, True, False, True, False, True, True, True]
    learner = taught(MaskStep(method=HALF, where=CONV, lasts=3, when=when))
    learn(learner, 0, 5)
    assert not mask_of(learner).kept.all()
    for network in (learner.network.eval(), learner.plain()):
        weight = network.get_submodule("0").weight
        assert isinstance(weight, Tensor) and bool((weight != 0).all())
    assert [learner.settled(done) for done in (5, 7, 8)] == [False, False, True]


def test_a_mask_that_does_not_stay_ends_with_its_time() -> None:
    step = MaskStep(method=HALF, where=CONV, stays=False, when=When(begin=1, end=2))
    learner = taught(step)
    learn(learner, 0, 4)
    assert not mask_of(learner).kept.all()
    learn(learner, 4, 5)
    assert mask_of(learner).kept.all()


def test_masks_are_chosen_again_within_an_epoch() -> None:
    chance = {"by": "random", "share": 0.5}
    step = StructuresStep(method=chance, where=CONV, when=When(begin=1, end=3, again=1))
    learner = taught(step)
    chosen: list[list[int]] = []
    for number in range(8):
        learner.step(number, [images(8, number)])
        chosen.append(mask_of(learner).kept.flatten(1).any(1).int().tolist())
    assert chosen[1] == [1] * 8 and len({tuple(one) for one in chosen[2:6]}) > 2
    assert chosen[5] == chosen[6] == chosen[7]


def test_an_interrupted_run_remembers_what_was_measured_at_first() -> None:
    method = {"by": "sensitivity", "deviations": 0.5, "of": "first"}
    step = MaskStep(method=method, where=CONV, below="zero", when=When(begin=0, end=4))
    whole, again = taught(step), taught(step)
    threshold = 0.5 * below(whole).std()
    learn(whole, 0, 3)
    state = deepcopy(whole.state())
    learn(whole, 3, 6)
    before = below(whole)
    learn(whole, 6, 7)
    assert torch.equal(mask_of(whole).kept, before.abs() > threshold)
    again.restore(state)
    learn(again, 3, 7)
    assert torch.equal(below(whole), below(again))


def test_a_share_of_structures_is_one_of_those_that_others_left() -> None:
    filters = StructuresStep(method={"by": "l1", "share": 0.5}, where=CONV, when=When(end=1))
    rest = MaskStep(method=HALF, where=CONV, when=When(begin=1, end=2))
    learner = taught(filters, rest)
    learn(learner, 0, 8)
    weight = learner.plain().get_submodule("0").get_parameter("weight")
    rows = weight.flatten(1)
    alive = rows[(rows != 0).any(1)]
    assert len(alive) == 4 and int(alive.count_nonzero()) == alive.numel() // 2


GROWING = {"by": "l1", "share": {"curve": "agp", "start": 0.1, "stop": 0.5}}


def residual() -> nn.Module:
    return settle(NETWORKS["shortcut of option A"][0]).train()


@pytest.mark.parametrize(
    "step, message",
    [
        (MaskStep(method=HALF, where=CONV, folded=True), "no batch norm can be folded into 0"),
        (
            StructuresStep(method={"by": "apoz", "share": 0.5}, where=Where(name="4")),
            "images cannot score its filters",
        ),
        (
            StructuresStep(
                method=GROWING, where=Where(role="weight"), together=True, over="filters"
            ),
            "go together need as many filters: 0 8, 4 5",
        ),
        (RemoveStep(), "can leave nothing made of any channel"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_learnt(step: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        taught(step)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: MaskStep(method=HALF, lasts=0), "lasts 0 steps is none"),
        (lambda: MaskStep(method=HALF, folded=True, where=Where(role="bias")), "into weights"),
        (
            lambda: StructuresStep(method={"by": "apoz", "share": 0.5}, over="channels"),
            "apoz says nothing of channels",
        ),
        (lambda: StructuresStep(method=GROWING, leader="0"), "say `together: true`"),
    ],
)
def test_what_cannot_be_is_refused_at_once(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_group_of_which_nothing_is_left_is_an_error() -> None:
    everything = StructuresStep(method={"by": "l1", "share": 1.0}, where=Where(name="0"))
    learner = taught(everything, RemoveStep())
    with pytest.raises(ValueError, match="nothing is left of any of the 8 channels of 0"):
        learn(learner, 0, 1)


def test_channels_of_which_nothing_is_made_leave_with_all_that_belongs_to_them() -> None:
    filters = StructuresStep(method=GROWING, where=Where(name="0"), when=When(end=2))
    learner = taught(filters, RemoveStep(when=When(begin=2, end=3)))
    for number in range(8):
        learner.step(number, [images(8, number)])
        left = learner.plain()
        assert left.get_submodule("0").get_parameter("weight").shape[0] == (8 if number < 4 else 4)
        x, _ = images(4, 99)
        with torch.no_grad():
            expected = learner.network.eval()(x)
            learner.network.train()
            torch.testing.assert_close(left.eval()(x), expected, rtol=1e-4, atol=1e-5)
