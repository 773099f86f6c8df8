"""The step that gives fewer bits: it learns as papers say, can be cut anywhere, and can be told."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compression.low_rank import Share
from compression.masks import masks_of
from compression.quantizers.activations import Clipped, LearnedActivations, PactActivations
from compression.quantizers.place import input_quantizers, quantization_of, weight_quantizers
from compression.quantizers.weights import (
    BinaryWeights,
    CodebookWeights,
    DorefaWeights,
    LearnedWeights,
    RangeWeights,
)
from compression.recipe import Recipe, read_recipe
from compression.schedule import When
from compression.selectors import Where
from compression.steps import AnyStep, ChannelsStep, LowRankStep, MaskStep, QuantizeStep
from proxyless_nas.bits import Bits, Policy
from proxyless_nas.layer import Shape
from tests.compression.channels.networks import resnet, settle
from tests.training.learning import USUAL, images, plain_network, short_plan
from training.learner import Learner, Manner
from training.losses import LabelLoss
from training.optimizer import sgd
from training.workers import Alone

SHAPE = Shape(3, 8, 8)
LEVEL = {"by": "level", "share": 0.5}
LATE = MaskStep(method=LEVEL, where=Where(type="Linear"), when=When(begin=2))
LSQ = QuantizeStep(
    weights=LearnedWeights(bits=3), activations=LearnedActivations(bits=3, offset=True), ends="same"
)
PACT = QuantizeStep(
    weights=CodebookWeights(bits=3), activations=PactActivations(bits=3, decay=0.1), ends="same"
)


def seen(count: int) -> list[tuple[Tensor, Tensor]]:
    return [images(16, 99)]


def taught(*steps: AnyStep, network: nn.Module | None = None, **how: Any) -> Learner:
    """As `learner_of` puts it together: first the companion, then the optimizer."""
    network = plain_network() if network is None else network
    companion = Recipe(steps).accompany(network, SHAPE, short_plan(2, 8), seen)
    manner = Manner(loss=LabelLoss(), **{**USUAL, **how})
    optimizer = sgd(network, 0.05, 0.9, 1e-2, nesterov=False)
    return Learner(network, optimizer, manner, Alone(), companion)


def learned(network: nn.Module) -> dict[str, Tensor]:
    """The parameters of its quantizers."""
    own = (".step", ".offset", ".clip")
    return {k: v.detach().clone() for k, v in network.named_parameters() if k.endswith(own)}


@pytest.mark.parametrize("step", [LSQ, PACT], ids=["lsq", "pact"])
@pytest.mark.parametrize("ema", [None, 0.5])
def test_a_run_that_was_cut_anywhere_ends_as_an_unbroken_one(
    step: QuantizeStep, ema: float | None
) -> None:
    steps = (step, LATE) if step is LSQ else (step,)
    whole = taught(*steps, ema=ema)
    first = learned(whole.network)
    states = []
    for number in range(6):
        states.append(deepcopy(whole.state()))
        whole.step(number, [images(8, number)])
    for name, tensor in learned(whole.network).items():
        assert not torch.equal(tensor, first[name]), name
    for number in (0, 1, 4):
        again = taught(*steps, ema=ema)
        again.restore(states[number])
        for later in range(number, 6):
            again.step(later, [images(8, later)])
        for one, other in ((whole.network, again.network), (whole.plain(), again.plain())):
            mine, yours = one.state_dict(), other.state_dict()
            assert mine.keys() == yours.keys()
            assert all(torch.equal(mine[name], yours[name]) for name in mine)


@pytest.mark.parametrize("step", [LSQ, PACT], ids=["lsq", "pact"])
def test_a_step_in_several_passes_is_the_step_in_one(step: QuantizeStep) -> None:
    """So workers that share the images of a step learn what one alone does."""
    whole, parts = taught(step), taught(step, passes=4)
    for number in range(3):
        x, y = images(8, number)
        losses = (
            whole.step(number, [(x, y)]),
            parts.step(number, list(zip(x.chunk(4), y.chunk(4), strict=True))),
        )
        torch.testing.assert_close(*losses)
    torch.testing.assert_close(parts.network.state_dict(), whole.network.state_dict())


def test_the_decay_of_pact_pulls_at_its_clips_and_weight_decay_does_not() -> None:
    learner, bare = taught(PACT), deepcopy(taught(PACT).network)
    x, y = images(8)
    clips = [one for one in input_quantizers(bare).values() if isinstance(one, Clipped)]
    assert len(clips) == 2
    alone = nn.functional.cross_entropy(bare(x), y)
    alone.backward()
    pulled = torch.cat([0.1 / 2 * one.clip.detach() ** 2 for one in clips]).sum()
    torch.testing.assert_close(learner.step(0, [(x, y)]), alone.detach() + pulled)
    for mine, one in zip(input_quantizers(learner.network).values(), clips, strict=True):
        assert isinstance(mine, Clipped) and mine.clip.grad is not None
        before = one.clip.detach()
        slope = (0 if one.clip.grad is None else one.clip.grad) + 0.1 * before
        torch.testing.assert_close(mine.clip.grad, slope)
        torch.testing.assert_close(mine.clip.detach(), before - 0.05 * slope)


@pytest.mark.parametrize("step", [LSQ, PACT], ids=["lsq", "pact"])
def test_nothing_that_a_quantizer_learns_decays_and_the_weights_below_do(
    step: QuantizeStep,
) -> None:
    learner = taught(step)
    names = {id(one): name for name, one in learner.network.named_parameters()}
    decayed, spared = (
        {names[id(one)] for one in group["params"]} for group in learner.optimizer.param_groups
    )
    assert spared == learned(learner.network).keys() and len(spared) == (5 if step is LSQ else 2)
    assert {f"{layer}.parametrizations.weight.original" for layer in ("0", "4")} <= decayed


@pytest.mark.parametrize("first", ["mask", "quantize"])
def test_masked_weights_are_zero_and_the_others_on_the_grid(first: str) -> None:
    mask = MaskStep(method=LEVEL, where=Where(type=("Conv2d", "Linear")))
    steps = (mask, LSQ) if first == "mask" else (LSQ, mask)
    learner = taught(*steps)
    for number in range(4):
        learner.step(number, [images(8, number)])
    left, x = learner.plain(), images(4, 50)[0]
    assert not masks_of(left)
    with torch.no_grad():
        torch.testing.assert_close(left(x), learner.network(x))
    for name, quantizer in weight_quantizers(left).items():
        gone = ~masks_of(learner.network)[f"{name}.weight"].kept
        weight: Any = left.get_submodule(name).weight
        assert int(gone.sum()) == gone.numel() // 2
        assert not weight[gone].any()
        levels = weight.detach() / quantizer.get_parameter("step").detach()
        torch.testing.assert_close(levels, levels.round())
        assert 4 < len(levels.unique()) <= 8


def test_a_policy_says_the_bits_of_every_layer(tmp_path: Path) -> None:
    network, file = settle(resnet(1, base=8)), tmp_path / "bits.json"
    names = [
        name for name, one in network.named_modules() if isinstance(one, nn.Conv2d | nn.Linear)
    ]
    bits = {name: Bits(2 + at % 4, 32) for at, name in enumerate(names)}
    Policy("small", bits).save(file)
    step = QuantizeStep(weights=RangeWeights(per="tensor"), policy=str(file))
    learner = taught(step, network=network)
    for name, placed in quantization_of(learner.network).layers.items():
        assert placed.weights == RangeWeights(per="tensor", bits=bits[name].weights)
        assert placed.activations is None
        weight: Any = learner.network.get_submodule(name).weight
        assert len(weight.unique()) <= 2 ** bits[name].weights
    assert len(quantization_of(learner.network).layers) == len(names)
    state = learner.state()
    Policy("small", {**bits, names[0]: Bits(8, 32)}).save(file)
    with pytest.raises(ValueError, match="begun with other bits: its policy has changed"):
        taught(step, network=settle(resnet(1, base=8))).restore(state)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{x}", "is not a valid Policy"),
        ('{"network": "a", "layers": {"0": {"weights": 4, "activations": 4}}}', "no bits for 4"),
        ('{"network": "a", "layers": {"0": {"weights": 4, "activations": 4}, '
         '"4": {"weights": 4, "activations": 32}}}', "for 0: its activations have 4 bits"),
        ('{"network": "a", "layers": {"O": {"weights": 4, "activations": 4}}}', "no layer O"),
        ('{"network": "a", "layers": {"0": {"weights": 9, "activations": 4}}}', "9 bits"),
        (None, "no file"),
    ],
)  # fmt: skip
def test_a_wrong_policy_is_told_before_anything_is_learnt(
    text: str | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "bits.json"
    if text is not None:
        file.write_text(text)
    step = QuantizeStep(weights=LearnedWeights(), policy=str(file))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        taught(step)


MASK = MaskStep(method=LEVEL, where=Where(type="Linear"))
DOREFA = QuantizeStep(weights=DorefaWeights(bits=4), ends="same")
BINARY = QuantizeStep(weights=BinaryWeights(), ends="same")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: QuantizeStep(weights=LearnedWeights(), when=When(end=1)), "leave its `when` out"),
        (lambda: QuantizeStep(), "say which `weights` or `activations` are quantized"),
        (lambda: QuantizeStep(weights=LearnedWeights(), ends=9), "9 bits: a quantizer takes 1 to"),
        (lambda: QuantizeStep(weights=LearnedWeights(), seen=0), "0 images show nothing"),
        (lambda: taught(QuantizeStep(weights=LearnedWeights(), ends="float")), "stays in float"),
        (lambda: taught(QuantizeStep(weights=LearnedWeights(), where=Where(name="9"))),
         r"step 1 of the recipe \(quantize\): no layer with a weight is named '9'"),
        (lambda: taught(QuantizeStep(weights=LearnedWeights(), where=Where(type="BatchNorm2d")),
                        network=settle(resnet(1, base=8))),
         "no convolution or linear map is left"),
        (lambda: taught(LSQ, LSQ), r"step 2 .*0 is quantized already: exclude it"),
        (lambda: taught(ChannelsStep(macs=0.9), LSQ, network=settle(resnet(1, base=8))),
         "an earlier step removes channels: quantize in a training behind it"),
        (lambda: taught(LSQ, ChannelsStep(macs=0.9), network=settle(resnet(1, base=8))),
         "an earlier step quantizes the network"),
        (lambda: Recipe((LSQ, LowRankStep(rank=Share(share=0.5)))),
         "let low-rank come first"),
        (lambda: taught(MASK, DOREFA), r"step 2 .*4 is masked, and dorefa weights of 4 bits have"),
        (lambda: taught(BINARY, MASK), r"step 2 .*4 is masked, and binary weights of 1 bits have"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_it_is_read_from_a_recipe(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(
        "steps: [{do: quantize, weights: {by: lsq, bits: 3}, "
        "activations: {by: lsq, bits: 3, offset: true}, ends: same}]"
    )
    assert read_recipe(file) == Recipe((LSQ,))
    for wrong, hint in (("bit: 3", "bits"), ("bits: 12", "12 bits"), ("per: row", "row")):
        file.write_text(f"steps: [{{do: quantize, weights: {{by: lsq, {wrong}}}}}]")
        with pytest.raises(ValueError, match=hint):
            read_recipe(file)
