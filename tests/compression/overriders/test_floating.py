"""Small floats, shifts and logarithms: the published numbers, order, ends, and what is chosen."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from torch import Tensor

from compression.overriders import Float, Log, Shift
from compression.overriders.floating import SmallFloat
from tests.compression.overriders.test_fixed import numbers


def small(kind: Float | Shift) -> SmallFloat:
    found = kind.made(None)
    assert isinstance(found, SmallFloat)
    return found


def levels(width: int, mantissa: int, bias: int) -> Tensor:
    """All numbers that are not below zero, in order."""
    parts = 2**mantissa
    return torch.tensor(
        [0.0]
        + [2.0**e * (1 + k / parts)
           for e in range(-bias, 2 ** (width - mantissa) - bias) for k in range(parts)],
        dtype=torch.float64,
    )  # fmt: skip


def test_published_numbers_of_a_shift() -> None:
    """`mayo_pocketflow_xilinx.md`, A2.2, with its saturating top: 13 was 16 in the old code."""
    x = torch.tensor([0.0312, 0.04, 0.3, 0.376, 0.75, -1.6, 9, 13, 40])
    assert small(Shift(width=3, bias=4))(x).tolist() == [0, 0.0625, 0.25, 0.5, 1, -2, 8, 8, 8]


def test_published_numbers_of_a_float() -> None:
    """The same place: 0.04 was 0.078125, and 40 was 10, in the old code."""
    x = torch.tensor([0.04, 0.3, 11, 40])
    assert small(Float(width=5, mantissa=2, bias=4))(x).tolist() == [0.0625, 0.3125, 12, 14]


@given(some.integers(1, 7), some.integers(0, 6), some.integers(-5, 12), some.integers(0, 99))
def test_a_float_is_the_nearest_there_is_in_order_and_stays(
    width: int, mantissa: int, bias: int, seed: int
) -> None:
    if mantissa >= width:
        return
    found, x = small(Float(width=width, mantissa=mantissa, bias=bias)), numbers(seed).sort().values
    y, every = found(x), levels(width, mantissa, bias)
    assert torch.isin(y.double().abs(), every).all()
    apart = (x.double().abs()[:, None] - every).abs()
    assert torch.equal((y.double().abs() - x.double().abs()).abs(), apart.min(dim=1).values)
    assert (y.diff() >= 0).all() and torch.equal(found(y), y)
    assert float(y.abs().max()) <= float(every[-1])


def test_a_shift_is_a_float_without_a_mantissa() -> None:
    x = numbers(5)
    assert torch.equal(
        small(Shift(width=3, bias=2))(x), small(Float(width=3, mantissa=0, bias=2))(x)
    )


@pytest.mark.parametrize("kind", [Shift(width=3, bias=4), Float(width=5, mantissa=2, bias=4)])
def test_slopes_are_one_up_to_the_largest_and_zero_beyond(kind: Float | Shift) -> None:
    top = 8.0 if isinstance(kind, Shift) else 14.0
    x = torch.tensor([0.0, 0.001, -0.3, top, -top, top + 0.01, -50], requires_grad=True)
    small(kind)(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [1, 1, 1, 1, 1, 0, 0]


@given(some.integers(0, 3), some.sampled_from([0.0, 0.05, 0.3]), some.integers(0, 99))
def test_the_bias_is_the_largest_that_lets_few_enough_overflow(
    mantissa: int, overflow: float, seed: int
) -> None:
    x, width = numbers(seed), 4
    found = small(Float(width=width, mantissa=mantissa, overflow=overflow))
    found.refresh(x)
    sizes = x[x != 0].abs().double()

    def share(top: int) -> float:
        return float((sizes >= 2.0 ** (top + 1)).double().mean())

    top = 2 ** (width - mantissa) - 1 - int(found.bias)
    assert share(top) <= overflow + 1e-9 < share(top - 1) + 1e-9
    before = int(found.bias)
    found.refresh(torch.zeros(3))
    assert int(found.bias) == before


def test_rounding_what_is_rounded_changes_nothing_though_the_bias_is_chosen_anew() -> None:
    found, x = small(Shift(width=3, overflow=0.0)), torch.tensor([1.2, -0.3, 0.5, 0.0])
    found.refresh(x)
    y = found(x)
    found.refresh(y)
    assert torch.equal(found(y), y) and float(y.max()) == 1


def test_a_search_takes_the_mantissa_of_least_squared_error() -> None:
    chance = torch.Generator().manual_seed(0)
    even = torch.rand(2000, generator=chance) + 1  # one octave: all bits for the mantissa
    wide = torch.randn(2000, generator=chance).mul(5).exp2()  # many: few for it
    chosen = []
    for x in (even, wide):
        found = small(Float(width=6, mantissa="search", overflow=0.0))
        found.refresh(x)
        chosen.append(int(found.mantissa))
        lost = [float((other(x) - x).square().sum()) for other in _each(x)]
        assert float((found(x) - x).square().sum()) == min(lost)
    assert chosen[0] > chosen[1]


def _each(x: Tensor) -> list[SmallFloat]:
    each = [small(Float(width=6, mantissa=bits, overflow=0.0)) for bits in range(6)]
    for one in each:
        one.refresh(x)
    return each


def test_a_logarithm_has_few_bits() -> None:
    x = torch.tensor([0.0, 0.26, -3.0, 5.0, 1000.0, 1e-9])
    y = Log(width=4, point=4).made(None)(x)  # powers -8 to 7
    assert y.tolist() == [0, 0.25, -4, 4, 128, 2**-8]
    finer = Log(width=5, point=4).made(None)(x).abs().log2()[1:]
    assert torch.allclose(finer * 2, (finer * 2).round(), atol=1e-5)


def test_a_logarithm_keeps_order_and_stays_and_its_slopes_end_at_the_top() -> None:
    log, x = Log(width=5, point=4).made(None), numbers(3).sort().values
    y = log(x)
    assert (y.diff() >= 0).all() and torch.equal(log(y), y)
    x = torch.tensor([0.0, 1e-6, 100, 200, -200], requires_grad=True)
    log(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Shift(width=0, bias=1), "1 to 16 bits beside its sign: 0"),
        (lambda: Shift(width=3), "say the `bias` of the exponents, or a share"),
        (lambda: Float(width=4, mantissa=4, bias=0), "0 to 3 of 4 bits, not 4"),
        (lambda: Float(width=4, mantissa=1, overflow=-0.5), "from 0 up to but not 1"),
        (lambda: Shift(width=3, bias=-200), "a bias of -200 makes exponents 200 to 207"),
        (lambda: Log(width=1, point=1), "2 to 16 bits, not 1"),
        (lambda: Log(width=4, point=9), "so that float32 holds its powers: 9"),
    ],
)  # fmt: skip
def test_what_is_no_float_is_told(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
