"""The step that narrows a network before it learns: it learns as the masked one does, in less."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec import convert
from torch import Tensor, nn

from compression.apply import write_what_is_left
from compression.exits.files import open_exits
from compression.gates.files import open_gated
from compression.importance import ActivationMean
from compression.quantizers.activations import RangeActivations
from compression.quantizers.files import open_quantized
from compression.quantizers.place import quantization_of
from compression.quantizers.weights import RangeWeights
from compression.recipe import Recipe
from compression.schedule import Linear, When
from compression.selectors import Where
from compression.steps import (
    AnyStep,
    ChannelsStep,
    MaskStep,
    NarrowStep,
    QuantizeStep,
    TeachStep,
)
from proxyless_nas import macs_of, parameters_of
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.layer import Shape
from proxyless_nas.published import published_spec
from proxyless_nas.subject import Subject, open_subject
from proxyless_nas.weights import save_tensors
from tests.compression.channels.networks import NETWORKS, settle
from tests.training.learning import USUAL, short_plan
from training.learner import Learner, Manner
from training.losses import LabelLoss, Teacher
from training.optimizer import sgd
from training.workers import Alone

STEPS, PER_EPOCH = 4, 2
Opened = Callable[[Path], tuple[nn.Module, Subject]]
CASES = ("plain", "squeeze and excitation", "concatenation", "depthwise, grouped and transposed")
CASES += ("chunk", "reused layer", "shortcut of option A")


def images(shape: Shape, number: int) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(number)
    x = torch.randn(4, shape.channels, shape.height, shape.width, generator=chance)
    return x, torch.randint(4, (4,), generator=chance)


def taught(network: nn.Module, shape: Shape, *steps: AnyStep) -> Learner:
    """A learner under a recipe, in the order of `main.py`: the optimizer comes last."""

    def seen(count: int) -> Sequence[tuple[Tensor, Tensor]]:
        return [images(shape, number) for number in range(count // 4)]

    companion = Recipe(steps).accompany(network, shape, short_plan(PER_EPOCH, STEPS), seen)
    manner = Manner(loss=LabelLoss(), **USUAL)
    return Learner(network, sgd(network, 1e-3, 0.9, 1e-3), manner, Alone(), companion)


def resnet() -> tuple[nn.Module, Shape]:
    return settle(published_spec("resnet20_cifar").build(seed=0)), Shape(3, 16, 16)


@pytest.mark.parametrize("name", CASES)
def test_it_learns_what_the_masked_network_learns(name: str) -> None:
    """Masked equals removed, behind every step of the optimizer too."""
    source, size, _ = NETWORKS[name]
    network, shape = settle(deepcopy(source)), Shape(*size[1:])
    masked = taught(deepcopy(network), shape, ChannelsStep(macs=0.7, when=When(end=1)))
    narrow = taught(network, shape, NarrowStep(macs=0.7))
    assert macs_of(network, shape) <= 0.7 * macs_of(source, shape)
    for number in range(STEPS):
        x, y = images(shape, number)
        one, other = (each.step(number, [(x, y)]) for each in (masked, narrow))
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        narrow.plain().state_dict(), masked.plain().state_dict(), rtol=1e-3, atol=1e-5
    )


@pytest.mark.slow
def test_layers_behind_are_fitted_anew_as_by_the_step_that_masks() -> None:
    network, shape = resnet()
    how = {"macs": 0.5, "score": ActivationMean(), "repair": "lstsq", "seen": 16}
    masked = taught(deepcopy(network), shape, ChannelsStep(**how, when=When(end=1)))
    narrow = taught(network, shape, NarrowStep(**how))
    batch = images(shape, 7)
    one, other = (each.step(0, [batch]) for each in (masked, narrow))
    torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-4)


def test_a_teacher_ahead_is_the_whole_network_and_bits_may_come_behind() -> None:
    network, shape = resnet()
    first, before = deepcopy(network), parameters_of(network)
    keep = {"blocks.0.first.conv": 4, "blocks.8.first.conv": 20}
    rounded = QuantizeStep(weights=RangeWeights(), activations=RangeActivations(), seen=8)
    zeros = MaskStep(
        method={"by": "level", "share": 0.5}, where=Where(type="Conv2d"), when=When(begin=1)
    )
    narrow = NarrowStep(keep=keep)
    learner = taught(network, shape, TeachStep(temperature=2.0), narrow, zeros, rounded)
    assert learner.companion is not None
    inner = (16 * 9 * 2 * 12 * 16**2, 64 * 9 * 2 * 44 * 4**2)  # two layers each, of the MACs
    share = 1 - sum(inner) / macs_of(first, shape)
    assert learner.companion.told().startswith(f"56 channels have left: {share:.3f} of the")
    for number in range(STEPS):
        x, y = images(shape, number)
        answer = network(x)
        loss = learner.step(number, [(x, y)])
        if not number:
            expected = nn.functional.cross_entropy(answer, y) + Teacher(first, 2.0)(answer, x)
            torch.testing.assert_close(loss, expected.detach())
    left = learner.plain()
    assert len(quantization_of(left).layers) == 22
    assert parameters_of(left) < before
    widths = {n: m.out_channels for n, m in left.named_modules() if isinstance(m, nn.Conv2d)}
    assert {name: widths[name] for name in keep} == keep
    middle: Any = left.get_submodule("blocks.4.first.conv")
    zero = (middle.weight == 0).float().mean()
    assert float(zero) >= 0.5


def test_a_run_that_goes_on_is_as_narrow_and_ends_alike() -> None:
    source, shape = resnet()
    step = NarrowStep(density=0.5, rank="lowest-first", score=ActivationMean(), seen=8)
    whole = taught(deepcopy(source), shape, step)
    for number in range(STEPS):
        if number == 2:
            state = deepcopy(whole.state())
        whole.step(number, [images(shape, number)])
    again = taught(deepcopy(source), shape, step)
    again.restore(state)  # pyright: ignore[reportPossiblyUnboundVariable]
    for number in range(2, STEPS):
        again.step(number, [images(shape, number)])
    torch.testing.assert_close(again.plain().state_dict(), whole.plain().state_dict())


def test_weights_stay_in_the_order_of_memory_that_they_had() -> None:
    network, shape = resnet()
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    taught(network, shape, NarrowStep(macs=0.5))
    weight = network.get_parameter("blocks.0.first.conv.weight")
    assert weight.shape[0] < 16 and weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "what, message",
    [
        ({"macs": 0.001}, "cannot be met: with as few channels as may stay"),
        ({"keep": {"stem.conv": 17}}, "17 of the 16 channels of stem.conv cannot stay"),
        (
            {"keep": {"stem.conv": 8, "blocks.0.second.conv": 12}},
            "12 channels of blocks.0.second.conv and 8 of stem.conv cannot stay: they are the same",
        ),
        ({"keep": {"stem.con": 8}}, r"no channels of stem.con can leave.*\(did you mean stem.conv"),
        ({"density": 0.5, "where": Where(name="classifier.*")}, "make no channels that can"),
    ],
)
def test_what_cannot_be_leaves_the_network_as_it_was(what: dict, message: str) -> None:
    network, shape = resnet()
    before = deepcopy(network.state_dict())
    with pytest.raises(ValueError, match=rf"step 1 of the recipe \(narrow\): .*{message}"):
        taught(network, shape, NarrowStep(**what))
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: NarrowStep(macs=0.5, when=When(begin=1)), "leave its `when` out"),
        (lambda: NarrowStep(macs=Linear(start=1, stop=0.5)), "`macs` is one share, not a curve"),
        (lambda: NarrowStep(), "say one of a share of `macs`, a `density`"),
        (lambda: NarrowStep(keep={"a": 3}, multiple=4), "leave `multiple` and `rank` out"),
        (lambda: NarrowStep(keep={"a": 3}, rank="lowest-first"), "leave `multiple` and `rank` out"),
        (
            lambda: Recipe((MaskStep(method={"by": "level", "share": 0.5}), NarrowStep(macs=0.5))),
            "narrow replaces layers that mask works on: let narrow come first",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


BEHIND: dict[str, tuple[dict[str, object], Opened]] = {
    "quantize": ({"weights": {"by": "range"}}, lambda run: open_quantized(run / "quantized.json")),
    "gate": ({"density": 0.5}, open_gated),
    "exits": ({"heads": [{"behind": "blocks.2", "weight": 0.3}]}, open_exits),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BEHIND)
def test_what_stands_behind_it_is_opened_again_from_its_files(kind: str, tmp_path: Path) -> None:
    fields, opened = BEHIND[kind]
    steps = [{"do": "narrow", "macs": 0.5, "rank": "lowest-first"}, {"do": kind, **fields}]
    recipe = convert({"steps": steps}, Recipe)
    subject = open_subject("resnet20_cifar")
    network = settle(subject.build(seed=0))
    whole = macs_of(network, subject.input)
    companion = recipe.accompany(network, subject.input, short_plan(PER_EPOCH, STEPS))
    left = companion.plain(network)
    save_tensors(tmp_path / "weights.pt", left.state_dict())
    write_what_is_left(subject, left, tmp_path)
    again, narrow = opened(tmp_path)
    assert narrow.spec is not None and narrow.spec.macs <= 0.5 * whole
    x, _ = images(subject.input, 0)
    with in_eval_mode(left), in_eval_mode(again):
        torch.testing.assert_close(again(x), left(x))
