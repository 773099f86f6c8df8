"""Chains over what layers hold: what they do in a training, and what they leave."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn

from compression.masks import Level, MeanStd, masks_of
from compression.overriders import (
    Fixed,
    Float,
    Incremental,
    Recentre,
    Shift,
    Ternary,
)
from compression.overriders.place import overridden, overridden_tensors
from compression.schedule import When
from compression.steps import MaskStep
from tests.compression.overriders.trained import (
    BOTH,
    CHAINS,
    DYNAMIC,
    FIXED,
    STEPS,
    SURGERY,
    below,
    learn,
    over,
    taught,
    weight_of,
)
from tests.training.learning import USUAL, images, plain_network
from training.learner import Learner, Manner
from training.losses import LabelLoss
from training.optimizer import sgd
from training.workers import Alone


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("ema", [None, 0.5])
def test_what_is_left_is_plain_and_answers_as_the_chain_did(name: str, ema: float | None) -> None:
    learner = taught(over(CHAINS[name]), ema=ema)
    learn(learner, 0, STEPS)
    left, x = learner.plain(), images(4, 50)[0]
    assert not overridden(left) and left.state_dict().keys() == plain_network().state_dict().keys()
    assert type(left.get_submodule("0")) is nn.Conv2d and not hasattr(left[0], "parametrizations")  # type: ignore[index]
    with torch.no_grad():
        torch.testing.assert_close(left.eval()(x), learner.result.eval()(x))
    assert overridden_tensors(learner.network) == ["0.weight", "4.weight"]


@pytest.mark.parametrize("name", CHAINS)
def test_a_run_that_was_cut_anywhere_ends_as_an_unbroken_one(name: str) -> None:
    steps = (
        over(CHAINS[name], when=When(begin=0.5, every=0.5)),
        over((DYNAMIC,), "input", when=When(every=1)),
        over((Float(width=6, mantissa=2, overflow=0.0), Level(share=0.2)), "weight-gradient"),
    )
    whole = taught(*steps, ema=0.5)
    states = []
    for number in range(STEPS):
        states.append(deepcopy(whole.state()))
        whole.step(number, [images(8, number)])
    for number in (0, 1, 3, 6):
        again = taught(*steps, ema=0.5)
        again.restore(states[number])
        learn(again, number, STEPS)
        for one, other in ((whole.network, again.network), (whole.plain(), again.plain())):
            mine, yours = one.state_dict(), other.state_dict()
            assert mine.keys() == yours.keys()
            assert all(torch.equal(mine[key], yours[key]) for key in mine)


def test_a_step_in_several_passes_is_the_step_in_one() -> None:
    steps = (
        over((SURGERY, Fixed(width=5, overflow=0.0, stochastic=True))),
        over((DYNAMIC,), "output"),
        over((Fixed(width=8, overflow=0.0),), "weight-gradient"),
    )
    whole, parts = taught(*steps), taught(*steps, passes=4)
    for number in range(3):
        x, y = images(8, number)
        whole.step(number, [(x, y)])
        parts.step(number, list(zip(x.chunk(4), y.chunk(4), strict=True)))
    torch.testing.assert_close(parts.network.state_dict(), whole.network.state_dict())


def test_masked_weights_stay_zero_under_momentum_while_the_dense_ones_move_on() -> None:
    learner = taught(over((SURGERY, FIXED), when=When(every=3)))
    learner.step(0, [images(8, 0)])
    zero = weight_of(learner.network, "4") == 0
    gone = zero & (below(learner.network, "4").abs() > 2**-6)  # not merely rounded to zero
    before = below(learner.network, "4").detach().clone()
    learn(learner, 1, 5)
    assert gone.any() and not weight_of(learner.network, "4")[gone].any()
    assert (below(learner.network, "4")[gone] != before[gone]).all()


def test_what_has_grown_below_a_mask_comes_back_at_the_next_refresh() -> None:
    learner = taught(over((SURGERY, Fixed(width=8, point=2)), when=When(every=2)))
    learn(learner, 0, 2)
    chain: Any = learner.network.get_submodule("4").parametrizations["weight"]  # type: ignore[index]
    masked = ~chain[0].each[0].mask.kept
    with torch.no_grad():
        below(learner.network, "4")[masked] = 1.0
    learn(learner, 2, 4)
    assert not weight_of(learner.network, "4")[masked].any()
    assert learner.companion is not None
    learner.companion.before(4)
    assert weight_of(learner.network, "4")[masked].all()


def test_the_order_of_a_chain_is_its_order_in_the_list() -> None:
    """What is rounded first has fewer sizes, so the median that a level cuts at is another."""
    first, second = (taught(over(chain)) for chain in ((DYNAMIC, MeanStd(alpha=0.0)),
                                                       (MeanStd(alpha=0.0), DYNAMIC)))  # fmt: skip
    dense = weight_of(first.network, "4").clone()
    for learner in (first, second):
        assert learner.companion is not None
        learner.companion.before(0)
    grid = DYNAMIC.made(dense)
    grid.refresh(dense)
    rounded = grid(dense)
    everything = torch.ones_like(dense, dtype=torch.bool)
    assert torch.equal(
        weight_of(first.network, "4"), rounded * MeanStd(alpha=0.0).mask(rounded, everything)
    )
    pruned = dense * MeanStd(alpha=0.0).mask(dense, everything)
    assert torch.equal(weight_of(second.network, "4"), grid(pruned))
    assert not torch.equal(weight_of(first.network, "4"), weight_of(second.network, "4"))


def test_a_chain_begins_when_it_says_so() -> None:
    learner, bare = taught(over((FIXED,), when=When(begin=2))), taught(over((SURGERY,), "bias"))
    network = plain_network()
    free = Learner(
        network, sgd(network, 0.05, 0.9, 1e-2), Manner(loss=LabelLoss(), **USUAL), Alone()
    )
    learn(learner, 0, 4)
    learn(free, 0, 4)
    assert torch.equal(weight_of(learner.network, "4"), weight_of(free.network, "4"))
    learner.step(4, [images(8, 4)])
    codes = weight_of(learner.network, "4") * 2**5
    assert torch.equal(codes, codes.round())
    assert [learner.settled(done) for done in (4, 5)] == [False, True]
    assert [bare.settled(done) for done in (7, 8)] == [False, True]
    once, slopes = taught(over((Ternary(),))), taught(over((DYNAMIC,), "weight-gradient"))
    assert once.settled(1) and not once.settled(0) and slopes.settled(0)


def test_a_mask_of_an_earlier_step_is_what_the_chain_begins_with() -> None:
    mask = MaskStep(method={"by": "level", "share": 0.5}, where=BOTH, when=When(begin=1))
    learner = taught(mask, over((Ternary(per="channel"),)))
    learn(learner, 0, STEPS)
    kept = masks_of(learner.network)["4.weight"].kept
    left = weight_of(learner.plain(), "4")
    assert torch.equal(left != 0, kept) and int(kept.sum()) == kept.numel() // 2
    assert all(len(row.unique()) <= 3 for row in left)


def test_incremental_ends_on_the_grid_and_refuses_too_few_refreshes() -> None:
    chain = (Incremental(grid=Shift(width=4, overflow=0.0), share=0.25),)
    learner = taught(over(chain, when=When()))
    learn(learner, 0, STEPS)
    sizes = weight_of(learner.plain(), "4").abs()
    assert torch.equal(torch.frexp(sizes)[0][sizes > 0], torch.full((int((sizes > 0).sum()),), 0.5))
    with pytest.raises(ValueError, match="must be refreshed 4 times to be done, and `when` has 2"):
        taught(over(chain, when=When(every=2)))


def test_a_recentred_weight_is_pulled_to_its_grid() -> None:
    kind = Recentre(grid=Shift(width=3, bias=8), means=FIXED, penalty=0.01)
    learner = taught(over((kind,), when=When(begin=1)))
    free = taught(over((FIXED,), "error", when=When(begin=3)))
    for number in range(3):
        parts = [images(8, number)]
        pulled, bare = learner.step(number, parts), free.step(number, parts)
        assert bool(pulled > bare + 1e-3) == (number == 2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # torch's own
@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_compiled_into_one_graph(name: str) -> None:
    learner = taught(over(CHAINS[name]), over((DYNAMIC,), "input"))
    assert learner.companion is not None
    learner.companion.before(0)
    network, x = learner.network, images(8)[0]
    torch._dynamo.reset()
    found = []
    for called in (network, torch.compile(network, backend="aot_eager", fullgraph=True)):
        network.zero_grad()
        called(x).square().sum().backward()
        found.append([one.grad for one in network.parameters() if one.grad is not None])
    torch.testing.assert_close(*found)
