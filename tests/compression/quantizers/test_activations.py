"""Quantizers of what flows: their levels at any bits, and slopes as papers write them."""

import math
from collections.abc import Callable

import pytest
import torch
from msgspec.structs import replace
from torch import Tensor, nn

from compression.quantizers.activations import (
    AnyActivations,
    Clipped,
    DorefaActivations,
    LearnedActivations,
    PactActivations,
    RangeActivations,
)
from compression.quantizers.on_grid import OnGrid
from compression.quantizers.ranges import MeanSquare
from compression.quantizers.seen import Sample
from compression.quantizers.weights import LearnedWeights
from training.batch_norm import statistics


def values(signed: bool, count: int = 3000) -> Tensor:
    x = torch.randn(count, generator=torch.Generator().manual_seed(0))
    return x if signed else x.abs()


def full(bits: int) -> int:
    return 2**bits


def without_one(bits: int) -> int:
    """As far to both sides of 0; one bit has no 0."""
    return 2**bits - 1 if bits > 1 else 2


KINDS: list[tuple[AnyActivations, Callable[[int], int], bool]] = [
    (RangeActivations(), full, True),
    (RangeActivations(symmetric=True), without_one, False),
    (LearnedActivations(), full, False),
    (LearnedActivations(offset=True), full, True),
    (PactActivations(), without_one, False),
    (DorefaActivations(), without_one, False),
]
"""Each with its number of levels where something lies below zero, and whether one bit has a 0."""


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("kind", "below", "zero"), KINDS)
def test_each_number_goes_to_the_nearest_of_all_the_levels_that_the_bits_have(
    kind: AnyActivations, below: Callable[[int], int], zero: bool, signed: bool, bits: int
) -> None:
    quantizer = replace(kind, bits=bits).quantizer(Sample(values(signed)))
    line = torch.linspace(-12, 12, 24_001)
    with torch.no_grad():
        y = quantizer(line)
        levels = y.unique()
        assert len(levels) == (below(bits) if signed else full(bits))
        assert bool((levels == 0).any()) == (zero or bits > 1 or not signed)
        torch.testing.assert_close(quantizer(y), y)
        assert (y.diff() >= 0).all()
        torch.testing.assert_close(quantizer(line * 50)[[0, -1]], y[[0, -1]])  # saturated
        least = (line[:, None] - levels).abs().amin(dim=1)
        torch.testing.assert_close((y - line).abs(), least, rtol=0, atol=1e-4)


def restated(
    x: Tensor, step: Tensor, low: int, high: int, count: int, offset: Tensor | None = None
) -> Tensor:
    """LSQ's forward pass, equations 1 and 2, whose slopes autograd finds: round is straight
    through, and steps and offsets pass slopes times 1 / sqrt(count high)."""

    def scaled(one: Tensor) -> Tensor:
        part = one / math.sqrt(count * high)
        return (one - part).detach() + part

    s, b = scaled(step), torch.zeros(1) if offset is None else scaled(offset)
    v = ((x - b) / s).clamp(low, high)
    return (v + (v.round() - v).detach()) * s + b


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("case", ["unsigned", "signed", "offset"])
def test_learned_steps_have_the_slopes_that_autograd_finds_in_the_papers_formula(
    case: str, bits: int
) -> None:
    chance = torch.Generator().manual_seed(bits)
    x = torch.randn(5, 3, 4, 4, generator=chance) * 2
    x = x.abs() if case == "unsigned" else x
    quantizer = LearnedActivations(bits=bits, offset=case == "offset").quantizer(
        Sample(x.flatten())
    )
    assert isinstance(quantizer, OnGrid)
    with torch.no_grad():
        quantizer.step.mul_(0.7)  # so that some numbers are clipped
    twins = [one.detach().clone().requires_grad_() for one in quantizer.parameters()]
    ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if case == "signed" else (0, 2**bits - 1)
    one, other = (x.clone().requires_grad_() for _ in range(2))
    slope = torch.randn(x.shape, generator=chance)
    y, expected = quantizer(one), restated(other, twins[0], *ends, 48, *twins[1:])
    torch.testing.assert_close(y, expected)
    for answer in (y, expected):
        (answer * slope).sum().backward()
    torch.testing.assert_close(one.grad, other.grad)
    assert len(twins) == (2 if case == "offset" else 1)
    for mine, twin in zip(quantizer.parameters(), twins, strict=True):
        assert mine.grad is not None and bool(mine.grad.abs() > 1e-4)
        torch.testing.assert_close(mine.grad, twin.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("per", ["tensor", "channel"])
def test_the_steps_of_weights_do_so_too(per: str) -> None:
    w = torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    quantizer = LearnedWeights(bits=3, per=per).quantizer(w)  # pyright: ignore[reportArgumentType]
    step = quantizer.get_parameter("step").detach().clone().requires_grad_()
    one, other = (w.clone().requires_grad_() for _ in range(2))
    quantizer(one).square().sum().backward()
    restated(other, step, -4, 3, w.numel() // step.numel()).square().sum().backward()
    torch.testing.assert_close(one.grad, other.grad)
    torch.testing.assert_close(quantizer.get_parameter("step").grad, step.grad)


@pytest.mark.parametrize("offset", [False, True])
def test_what_a_step_learns_from_images_is_the_mean_of_what_it_learns_from_each(
    offset: bool,
) -> None:
    """So workers, and passes of a step, are free to share images as they like."""
    x = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    quantizer = LearnedActivations(bits=3, offset=offset).quantizer(Sample(x.flatten()))

    def slopes(part: Tensor) -> list[Tensor]:
        loss = quantizer(part).pow(3).flatten(1).sum(dim=1).mean()
        return list(torch.autograd.grad(loss, list(quantizer.parameters())))

    each = [slopes(image[None]) for image in x]
    for number, whole in enumerate(slopes(x)):
        torch.testing.assert_close(whole, torch.stack([one[number] for one in each]).mean(dim=0))


def test_a_step_that_learned_its_way_below_zero_counts_by_its_size() -> None:
    quantizer = LearnedActivations(bits=3).quantizer(Sample(values(signed=False)))
    x = torch.linspace(-1, 4, 50)
    before = quantizer(x)
    with torch.no_grad():
        quantizer.get_parameter("step").neg_()
    torch.testing.assert_close(quantizer(x), before)


def test_both_ends_of_pact_pull_at_the_clip_where_something_lies_below_zero() -> None:
    quantizer = PactActivations(bits=3, clip=2.0, decay=0.5).quantizer(Sample.blank(signed=True))
    assert isinstance(quantizer, Clipped)
    x = torch.tensor([-5.0, -2.5, -1.0, 0.0, 1.0, 3.0], requires_grad=True)
    (quantizer(x) * torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])).sum().backward()
    assert x.grad is not None and quantizer.clip.grad is not None
    assert x.grad.tolist() == [0, 0, 4, 8, 16, 0] and quantizer.clip.grad.tolist() == [32 - 1 - 2]
    (pulled,) = torch.autograd.grad(quantizer.penalty(), [quantizer.clip])
    assert float(quantizer.penalty().detach()) == 1.0 and pulled.tolist() == [0.5 * 2]


def test_what_cannot_be_is_told() -> None:
    for make in (RangeActivations, LearnedActivations, PactActivations, DorefaActivations):
        for bits in (0, 9, 32):
            with pytest.raises(ValueError, match=f"{bits} bits: a quantizer takes 1 to 8"):
                make(bits=bits)
    with pytest.raises(ValueError, match="clipped to 0 are all 0"):
        PactActivations(clip=0.0)


@pytest.mark.parametrize("kind", [LearnedActivations(bits=3), PactActivations(bits=3)], ids=repr)
def test_in_half_precision_steps_learn_about_what_they_learn_in_float(
    kind: AnyActivations,
) -> None:
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0)).abs()
    layer = nn.Linear(6, 3)
    quantizer = kind.quantizer(Sample(x.flatten()))
    found = []
    for enabled in (False, True):
        quantizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            layer(quantizer(x * 2)).float().square().sum().backward()
        found += [one.grad.clone() for one in quantizer.parameters() if one.grad is not None]
    torch.testing.assert_close(found[0], found[1], rtol=0.05, atol=1e-3)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_a_range_that_follows_is_the_calibrated_one_until_it_learns(
    signed: bool, symmetric: bool
) -> None:
    x = values(signed)
    seen, more = Sample(x), 3 * x
    fixed, moving = (
        RangeActivations(bits=4, symmetric=symmetric, follows=follows).quantizer(seen)
        for follows in (None, 0.75)
    )
    torch.testing.assert_close(moving.eval()(x), fixed(x))
    assert moving.limits() == pytest.approx(fixed.limits(), rel=1e-5)  # type: ignore[operator]
    moving.train()(more)
    wider = Sample(x * (0.75 + 0.25 * 3))
    expected = RangeActivations(bits=4, symmetric=symmetric).quantizer(wider)
    torch.testing.assert_close(moving.eval()(more), expected(more))


def test_a_range_that_follows_is_one_for_all_workers() -> None:
    network = nn.Sequential(RangeActivations(follows=0.5).quantizer(Sample(values(True))))
    (ends,) = statistics(network)
    before = ends.clone()
    network(10 * values(True))
    assert not torch.equal(statistics(network)[0], before)
    for wrong, message in ((1.0, "below 1"), (-0.1, "0 or more")):
        with pytest.raises(ValueError, match=message):
            RangeActivations(follows=wrong)
    with pytest.raises(ValueError, match="leave `range` out"):
        RangeActivations(follows=0.5, range=MeanSquare())
