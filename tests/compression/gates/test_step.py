"""The step `do: gate`: it learns as the formula says, can be cut anywhere, and can be told."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compression.gates.place import gates_of
from compression.gates.work import expected_work
from compression.low_rank import Share
from compression.overriders.fixed import Fixed
from compression.penalties import L1
from compression.quantizers.weights import RangeWeights
from compression.recipe import Recipe, read_recipe
from compression.schedule import Linear, When
from compression.selectors import Where
from compression.steps import (
    AnyStep,
    ChannelsStep,
    ExitsStep,
    GateStep,
    LowRankStep,
    MaskStep,
    OverrideStep,
    PenaltyStep,
    QuantizeStep,
    RemoveStep,
    SparseGroupsStep,
    TeachStep,
)
from compression.steps.exits import WeighedExit
from tests.compression.gates.networks import SHAPE, chain, images, residual
from tests.training.learning import USUAL, short_plan
from training.learner import Learner, Manner
from training.losses import LabelLoss
from training.optimizer import sgd
from training.workers import Alone

FALLING = GateStep(
    density=Linear(start=0.8, stop=0.4), when=When(begin=1, end=3), deviation=0.3, factor=1e-3
)
HALF = GateStep(density=0.5, deviation=0.3)


def taught(network: nn.Module, *steps: AnyStep, **how: Any) -> Learner:
    """As `learner_of` puts it together: first the companion, then the optimizer."""
    companion = Recipe(steps).accompany(network.train(), SHAPE, short_plan(2, 8))
    manner = Manner(loss=LabelLoss(), **{**USUAL, **how})
    optimizer = sgd(network, 0.05, 0.9, 1e-3, nesterov=False)
    return Learner(network, optimizer, manner, Alone(), companion)


def batch(number: int, count: int = 8) -> tuple[Tensor, Tensor]:
    return images(count, number), torch.arange(count) % 5


def kept(network: nn.Module) -> list[int]:
    return [int(one.kept) for one in gates_of(network).values()]


@pytest.mark.parametrize("ema", [None, 0.5])
@pytest.mark.parametrize("make", [chain, residual])
def test_a_run_that_was_cut_anywhere_ends_as_an_unbroken_one(make: Any, ema: float | None) -> None:
    whole = taught(make(), FALLING, ema=ema)
    states = []
    for number in range(8):
        states.append(deepcopy(whole.state()))
        whole.step(number, [batch(number)])
    for number in (0, 1, 3, 5, 7):
        again = taught(make(), FALLING, ema=ema)
        again.restore(states[number])
        for later in range(number, 8):
            again.step(later, [batch(later)])
        for one, other in ((whole.network, again.network), (whole.plain(), again.plain())):
            mine, yours = one.state_dict(), other.state_dict()
            assert mine.keys() == yours.keys()
            assert all(torch.equal(mine[name], yours[name]) for name in mine)


def test_the_density_follows_its_times_and_stays_where_it_ends() -> None:
    """Two steps an epoch; of 10 and 7 channels all, then ceil of 0.8 and of 0.4 of them."""
    learner = taught(chain(), FALLING, ema=0.5)
    for number in range(8):
        learner.step(number, [batch(number)])
        expected = {0: [10, 7], 1: [8, 6]}.get(number // 2, [4, 3])
        for network in (learner.network, learner.result, learner.plain()):
            assert kept(network) == expected
        assert learner.companion is not None
        assert learner.companion.settled(number + 1) == (number >= 4)


def test_the_saliency_is_added_to_the_loss() -> None:
    learner = taught(chain(), FALLING)
    bare, (x, y) = deepcopy(learner.network), batch(0)
    logits = bare(x)
    sizes = torch.zeros(())
    features = x
    for layer in ("0", "3"):
        gated = gates_of(bare)[layer]
        sizes = sizes + gated.saliency(features).sum() / len(x)
        features = gated(features).relu()
    expected = F.cross_entropy(logits, y) + 1e-3 * sizes
    torch.testing.assert_close(learner.step(0, [(x, y)]), expected.detach())
    free = taught(chain(), GateStep(density=1.0, deviation=0.3))
    torch.testing.assert_close(free.step(0, [(x, y)]), F.cross_entropy(logits, y).detach())
    expected.backward()
    mine = gates_of(learner.network)["3"].saliency.predict.weight.grad
    torch.testing.assert_close(mine, gates_of(bare)["3"].saliency.predict.weight.grad)


def test_what_is_left_answers_as_the_network_did() -> None:
    learner = taught(residual(), HALF)
    for number in range(4):
        learner.step(number, [batch(number)])
    left, (x, _) = learner.plain().eval(), batch(50)
    with torch.no_grad():
        assert torch.equal(left(x), learner.network.eval()(x))
    assert not any(one.saliency.heard for one in gates_of(left).values())


def test_shifts_and_biases_are_exempt_from_decay_where_those_of_norms_are() -> None:
    network = chain()
    HALF.begin(network, SHAPE, short_plan(2, 8), lambda count: ())
    optimizer = sgd(network, 0.1, 0.9, 1e-3, exempt=("norm", "bias"))
    names = {id(one): name for name, one in network.named_parameters()}
    spared = {names[id(one)] for one in optimizer.param_groups[1]["params"]}
    assert {"0.bias", "0.saliency.predict.bias", "3.bias"} <= spared
    assert "0.saliency.predict.weight" not in spared


def test_masks_penalties_low_ranks_and_a_teacher_work_beside_it() -> None:
    inside = Where(name=("*.conv1.conv", "*.conv2.conv"))
    mask = MaskStep(method={"by": "level", "share": 0.5}, where=inside)
    penalty = PenaltyStep(kind=L1(), strength=1e-4, where=inside)
    gates = GateStep(density=0.5, where=Where(name=("*.conv1", "*.conv2")))
    learner = taught(residual(), TeachStep(), gates, mask, penalty)
    for number in range(3):
        learner.step(number, [batch(number)])
    left = learner.plain()
    weights = {name: one for name, one in left.named_parameters() if "conv.weight" in name}
    assert len(weights) == 6 and kept(left) == [4, 4, 8, 8, 16, 16]
    for weight in weights.values():
        assert float((weight == 0).float().mean()) == pytest.approx(0.5, abs=0.01)
    ranks = LowRankStep(rank=Share(share=0.3), where=Where(name="5.conv2"))
    gates = GateStep(density=0.5, where=Where(name=("5.conv2.up")))
    learner = taught(residual(), ranks, gates)
    learner.step(0, [batch(0)])
    assert list(gates_of(learner.plain())) == ["5.conv2.up"]


def test_two_steps_gate_different_layers() -> None:
    """The second computes all its channels, from those alone that the first has left."""
    first = GateStep(density=0.5, where=Where(name="*.conv1"), factor=1e-3)
    second = GateStep(density=1.0, where=Where(name="*.conv2"))
    learner = taught(residual(), first, second)
    learner.step(0, [batch(0)])
    left = learner.plain()
    assert kept(left) == [4, 8, 8, 16, 16, 32]
    layers = expected_work(left, SHAPE).layers
    assert [layers[name].taken for name in ("3.conv2", "4.conv2")] == [0.5, 0.5]


EXITS = ExitsStep(heads=(WeighedExit(behind="3", weight=0.3),))
QUANTIZE = QuantizeStep(weights=RangeWeights())
FLOWS = OverrideStep(of="input", chain=(Fixed(width=6, point=1),))


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([ChannelsStep(macs=0.9), HALF], "gate replaces layers that channels works on: let gate"),
        ([HALF, ChannelsStep(macs=0.9)], r"\(channels\): .*gates .*: remove channels in a"),
        ([HALF, RemoveStep()], r"\(remove\): .*gates .*: remove channels in a training before"),
        ([HALF, SparseGroupsStep(strength=0.1)], r"\(sparse-groups\): .*gates .*shrink in a train"),
        ([HALF, QUANTIZE], r"\(quantize\): .*gates into the network: leave one of the two out"),
        ([QUANTIZE, HALF], "gate replaces layers that quantize works on"),
        ([HALF, EXITS], r"\(exits\): .*gates into the network: leave one of the two out"),
        ([HALF, FLOWS], r"\(override\): .*gates into the network: leave one of the two out, or"),
        ([HALF, LowRankStep(rank=Share(share=0.5))], "low-rank replaces layers that gate works on"),
        ([PenaltyStep(kind=L1(), strength=0.1), HALF], "gate replaces layers that penalty works"),
        ([HALF, HALF], r"step 2 .*0\.conv is part of a gate that an earlier step puts in"),
        ([GateStep(density=Linear(start=1, stop=0))], "a density is a share .* not 0"),
        ([GateStep(density=1.5)], "a density is a share of the channels, .* not 1.5"),
        ([GateStep(density=0.5, where=Where(type="Linear"))], "8 is a Linear: gates stand at"),
        ([GateStep(density=0.5, where=Where(name="9"))], "no layer with a weight is named '9'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(steps: list[AnyStep], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        taught(residual(), *steps)


@pytest.mark.parametrize("wrong", [{"deviation": -0.1}, {"factor": -1.0}])
def test_numbers_below_0_are_told(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="`deviation` and `factor` are 0 or more"):
        GateStep(density=0.5, **wrong)  # pyright: ignore


def test_it_is_read_from_a_recipe(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(
        "steps: [{do: gate, density: {curve: linear, start: 0.8, stop: 0.4}, deviation: 0.3, "
        "factor: 0.001, when: {begin: 1, end: 3}}]"
    )
    assert read_recipe(file) == Recipe((FALLING,))
    for wrong, hint in (("pool: mean", "mean"), ("densty: 1", "densty"), ("bias: two", "two")):
        file.write_text(f"steps: [{{do: gate, density: 0.5, {wrong}}}]")
        with pytest.raises(ValueError, match=hint):
            read_recipe(file)
