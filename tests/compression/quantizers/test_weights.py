"""Weight quantizers: few levels, the same again, and the slopes that their papers give."""

from typing import get_args

import msgspec
import pytest
import torch
from msgspec.structs import replace
from torch import Tensor, nn

from compression.quantizers.fake import learned
from compression.quantizers.grid import Grid, signed
from compression.quantizers.ranges import Entropy, MeanSquare, MinMax, Percentile
from compression.quantizers.weights import (
    AnyWeights,
    BinaryWeights,
    CodebookWeights,
    DorefaWeights,
    LearnedWeights,
    PowerWeights,
    RangeWeights,
    TernaryWeights,
    WeightKind,
    WrpnWeights,
)

BITS = (1, 2, 3, 4, 5, 8)
OF_ANY_BITS = [
    RangeWeights(),
    RangeWeights(per="tensor"),
    RangeWeights(group=9),
    RangeWeights(symmetric=False),
    RangeWeights(symmetric=False, zero=False),
    RangeWeights(range=MeanSquare()),
    LearnedWeights(),
    LearnedWeights(per="tensor"),
    DorefaWeights(),
    WrpnWeights(),
    CodebookWeights(),
    CodebookWeights(begin="quantiles"),
    PowerWeights(),
    PowerWeights(per_octave=3),
]
FIXED = [TernaryWeights(), TernaryWeights(per="tensor"), BinaryWeights(), BinaryWeights(group=9)]
CASES = [
    type(kind)(**{**{f: getattr(kind, f) for f in kind.__struct_fields__}, "bits": bits})
    for kind in OF_ANY_BITS
    for bits in BITS
] + FIXED


def weight(seed: int = 0) -> Tensor:
    """[6, 4, 3, 3]; rows of different size."""
    chance = torch.Generator().manual_seed(seed)
    sizes = torch.linspace(0.05, 0.6, 6)[:, None, None, None]
    return torch.randn(6, 4, 3, 3, generator=chance) * sizes


def rows(kind: WeightKind, w: Tensor) -> Tensor:
    """What shares its levels."""
    group, per = getattr(kind, "group", None), getattr(kind, "per", "tensor")
    if group is not None:
        return w.reshape(-1, group)
    return w.reshape(1, -1) if per == "tensor" else w.reshape(len(w), -1)


def test_every_kind_is_tried_here() -> None:
    assert {type(kind) for kind in CASES} == set(get_args(AnyWeights))


@pytest.mark.parametrize("kind", CASES, ids=repr)
def test_levels_are_as_few_as_the_bits_say_and_rounding_twice_is_rounding_once(
    kind: WeightKind,
) -> None:
    w = weight()
    quantizer = kind.quantizer(w)
    with torch.no_grad():
        once = quantizer(w)
        for row in rows(kind, once):
            assert len(row.unique()) <= 2**kind.bits
        assert once.unique().numel() > 1
        if not isinstance(kind, DorefaWeights):  # which presses what it is given into -1 to 1
            torch.testing.assert_close(quantizer(once), once)


@pytest.mark.parametrize("kind", CASES, ids=repr)
def test_order_is_kept_and_what_lies_far_outside_is_clipped(kind: WeightKind) -> None:
    if isinstance(kind, CodebookWeights):
        pytest.skip("a codebook knows which value each weight has, wherever the weight goes")
    line = torch.linspace(-1, 1, 36).reshape(1, 4, 3, 3)
    with torch.no_grad():
        quantizer = kind.quantizer(line)
        assert (quantizer(line).reshape(rows(kind, line).shape).diff(dim=1) >= -1e-6).all()
        if isinstance(kind, RangeWeights | LearnedWeights | WrpnWeights | PowerWeights):
            far, further = quantizer(line * 100), quantizer(line * 1000)
            outer = line.abs() > 0.5
            torch.testing.assert_close(far[outer], further[outer])


def test_more_bits_are_nearer() -> None:
    w = weight()
    for kind in (RangeWeights, LearnedWeights, CodebookWeights):
        with torch.no_grad():
            errors = [float((kind(bits=b).quantizer(w)(w) - w).norm()) for b in (2, 3, 4, 6, 8)]
        if kind is not LearnedWeights:  # its first step is a rule of thumb for few bits
            assert sorted(errors, reverse=True) == errors
            assert errors[-1] < 0.02 * errors[0]


def test_slopes_pass_inside_the_range_and_stop_outside() -> None:
    x = torch.tensor([-5.0, -0.9, 0.2, 0.7, 5.0], requires_grad=True)
    quantizer = RangeWeights(bits=3, per="tensor").quantizer(torch.tensor([[-1.0, 1.0]]))
    quantizer(x[None]).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("shape", [(1, 1), (6, 1)])
def test_slopes_of_a_learned_step_are_those_of_the_paper(bits: int, shape: tuple[int, int]) -> None:
    chance = torch.Generator().manual_seed(bits)
    x = torch.randn(6, 50, generator=chance, requires_grad=True)
    step = torch.full(shape, 0.3, requires_grad=True)
    slope = torch.randn(6, 50, generator=chance)
    grid = signed(bits)
    (learned(x, step, grid, count=50) * slope).sum().backward()
    v = (x / step).detach()
    low, high = (-1.0, 1.0) if grid.half else (grid.low, grid.high)
    inside = (v > low) & (v < high)
    q = (v.floor().clamp(-1, 0) + 0.5) if grid.half else v.round().clamp(grid.low, grid.high)
    scale = 1 / (50 * max(grid.high, 1)) ** 0.5
    expected = ((q - v * inside) * slope).sum_to_size(shape) * scale
    assert x.grad is not None and step.grad is not None
    torch.testing.assert_close(x.grad, slope * inside)
    torch.testing.assert_close(step.grad, expected, rtol=1e-4, atol=1e-4)


def test_slopes_of_a_learned_offset_come_from_what_is_clipped() -> None:
    x = torch.tensor([[-1.0, 0.3, 0.8, 9.0]], requires_grad=True)
    step, offset = torch.tensor([[0.25]]), torch.tensor([[-0.5]], requires_grad=True)
    y = learned(x, step, Grid(0, 7), 4, offset)
    torch.testing.assert_close(y, torch.tensor([[-0.5, 0.25, 0.75, 1.25]]))
    y.sum().backward()
    assert x.grad is not None and offset.grad is not None
    assert x.grad.tolist() == [[0, 1, 1, 0]]
    torch.testing.assert_close(offset.grad, torch.tensor([[2 / (4 * 7) ** 0.5]]))


def test_the_values_of_a_codebook_move_by_the_mean_of_their_slopes() -> None:
    w = weight().requires_grad_()
    quantizer = CodebookWeights(bits=3).quantizer(w)
    slope = torch.randn(w.shape, generator=torch.Generator().manual_seed(1))
    (quantizer(w) * slope).sum().backward()
    assert w.grad is not None
    label = quantizer.get_buffer("label")
    for value in label.unique():
        own = label == value
        torch.testing.assert_close(w.grad[own], slope[own].mean().expand(int(own.sum())))


def test_k_means_is_near_the_best_there_is_and_leaves_no_value_empty() -> None:
    clumps = torch.cat([torch.full((40,), 1.0), torch.full((3,), 9.0), torch.linspace(4, 4.1, 9)])
    label = CodebookWeights(bits=2).quantizer(clumps).get_buffer("label")
    assert len(label.unique()) == 4
    for bits in (1, 2, 4, 6):
        kind = CodebookWeights(bits=bits)
        few = torch.tensor([0.5, -0.25, 0.5, 1.0])
        exact = kind.quantizer(few)(few)
        if bits > 1:
            torch.testing.assert_close(exact, few)
        w = torch.randn(4000, generator=torch.Generator().manual_seed(0))
        assert kind.quantizer(w).get_buffer("label").unique().numel() == 2**bits
    # a Gaussian's best 4 values: mean square 0.1175 (Max 1960)
    w = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    error = (CodebookWeights(bits=2).quantizer(w)(w) - w).square().mean()
    assert 0.116 < float(error) < 0.119


def test_powers_are_powers() -> None:
    w = weight()
    for kind, octave in ((PowerWeights(bits=4), 1), (PowerWeights(bits=4, per_octave=2), 2)):
        sizes = kind.quantizer(w)(w).abs().unique()
        logs = sizes[sizes > 0].log2() * octave
        torch.testing.assert_close(logs, logs.round())
        assert len(sizes) <= 8
    shifted = PowerWeights(bits=3).quantizer(torch.tensor([8.0, 0.0]))
    given = torch.tensor([8.0, 7.0, 5.9, 3.1, 2.9, 1.1, 0.9, -1.6, 100.0])
    assert shifted(given).tolist() == [8, 8, 4, 4, 2, 2, 0, -2, 8]


@pytest.mark.parametrize("bits", [2, 4])
def test_ranges_cut_a_lone_outlier_and_least_squares_change_least_in_all(bits: int) -> None:
    w = torch.randn(4, 9000, generator=torch.Generator().manual_seed(0))
    w[:, 0] = 12.0
    found = {
        type(how): RangeWeights(bits=bits, range=how).quantizer(w)(w)
        for how in (MinMax(), MeanSquare(), Entropy(), Percentile(inside=99))
    }
    errors = {how: float((got - w).square().mean()) for how, got in found.items()}
    assert errors[MeanSquare] <= 1.03 * min(errors.values())
    for how, got in found.items():
        assert how is MinMax or float(got.max()) < 6


def test_least_square_steps_are_those_that_theory_gives_for_a_gaussian() -> None:
    w = torch.randn(1, 100_000, generator=torch.Generator().manual_seed(0))
    for bits, expected in ((2, 0.1927), (3, 0.0477), (4, 0.0132)):
        got = RangeWeights(bits=bits, range=MeanSquare()).quantizer(w)(w)
        assert float((got - w).square().mean()) == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize("kind", [one for one in CASES if one.keeps_zeros], ids=repr)
def test_masked_weights_stay_zero_under_kinds_that_say_so(kind: WeightKind) -> None:
    w = weight()
    w[:, 1] = 0
    with torch.no_grad():
        assert not kind.quantizer(w)(w)[:, 1].any()


def test_some_kinds_have_no_zero() -> None:
    lost = {(type(one).__name__, one.bits) for one in CASES if not one.keeps_zeros}
    w = weight()
    w[:, 1] = 0
    for kind in CASES:
        beside = isinstance(kind, RangeWeights) and not kind.zero  # where 0 lies is chance
        if not kind.keeps_zeros and not isinstance(kind, CodebookWeights) and not beside:
            assert kind.quantizer(w)(w)[:, 1].all(), kind
    assert {("DorefaWeights", 4), ("BinaryWeights", 1), ("PowerWeights", 1)} < lost
    assert {one.zero for one in CASES if isinstance(one, RangeWeights) and one.keeps_zeros} == {
        True
    }


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_codebook_keeps_what_was_pruned_at_zero_while_the_others_learn(bits: int) -> None:
    w = weight()
    pruned = w.abs() < 0.1
    w = (w * ~pruned).requires_grad_()
    quantizer = CodebookWeights(bits=bits).quantizer(w)
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
    slope = torch.randn(w.shape, generator=torch.Generator().manual_seed(1))
    for _ in range(3):
        y = quantizer(w)
        assert torch.equal(y == 0, pruned) and len(y.unique()) <= 2**bits
        optimizer.zero_grad()
        (y * slope).sum().backward()
        optimizer.step()
    nothing = CodebookWeights(bits=bits).quantizer(torch.zeros(3, 4))
    assert not nothing(torch.ones(3, 4)).any()


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(ValueError, match="levels around 0 have 0 among them"):
        RangeWeights(zero=False)
    with pytest.raises(ValueError, match="ternary weights take 2 bits, not 4"):
        replace(TernaryWeights(), bits=4)
    with pytest.raises(ValueError, match="binary weights take 1 bit, not 2"):
        replace(BinaryWeights(), bits=2)
    with pytest.raises(ValueError, match="9 bits: a quantizer takes 1 to 8"):
        RangeWeights(bits=9)
    with pytest.raises(ValueError, match=r"36 inputs per channel: groups of 7 do not fit"):
        RangeWeights(group=7).quantizer(weight())
    with pytest.raises(ValueError, match="leave `per` out"):
        RangeWeights(group=4, per="tensor")


def test_quantizers_follow_their_layer_to_another_type() -> None:
    layer = nn.Linear(4, 3)
    quantizer = PowerWeights(bits=3).quantizer(layer.weight)
    assert quantizer.double()(layer.weight.double()).dtype == torch.float64


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize(
    "kind", [RangeWeights(), RangeWeights(per="tensor"), RangeWeights(symmetric=False, group=9)]
)
def test_a_range_that_follows_is_that_of_the_weights_as_they_are(
    kind: RangeWeights, bits: int
) -> None:
    kind = msgspec.structs.replace(kind, bits=bits)
    follows = msgspec.structs.replace(kind, follows=True).quantizer(weight())
    for now in (weight(), 5 * weight(1)):
        torch.testing.assert_close(follows(now), kind.quantizer(now)(now))
    if bits > 1:  # nothing is clipped
        leaf = weight().requires_grad_()
        follows(leaf).sum().backward()
        assert leaf.grad is not None and bool((leaf.grad == 1).all())
