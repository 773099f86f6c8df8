"""Fixed points: the published numbers, how the point is chosen, and rounding left to chance."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from torch import Tensor

from compression.overriders import Fixed
from compression.overriders.fixed import FixedPoint


def made(kind: Fixed, like: Tensor | None = None) -> FixedPoint:
    found = kind.made(like)
    assert isinstance(found, FixedPoint)
    return found


def numbers(seed: int, count: int = 200) -> Tensor:
    """Of many sizes, some of them zero."""
    chance = torch.Generator().manual_seed(seed)
    sizes = torch.randn(count, generator=chance) * 4
    x = torch.randn(count, generator=chance) * sizes.exp2()
    return x.where(torch.rand(count, generator=chance) > 0.2, torch.tensor(0.0))


def test_published_numbers() -> None:
    """`mayo_pocketflow_xilinx.md`, A2.2."""
    x = torch.tensor([-3, -1.01, -0.0079, 0.0078125, 0.01, 1.99])
    expected = [-2, -1.015625, -0.015625, 0, 0.015625, 1.984375]
    assert made(Fixed(width=8, point=2))(x).tolist() == expected
    x = torch.tensor([1, -0.5, 0.02])
    assert made(Fixed(width=4, point=1))(x).tolist() == [0.875, -0.5, 0]


@given(some.integers(2, 24), some.integers(-30, 30), some.integers(0, 99))
def test_what_is_on_the_grid_stays_and_the_order_too(width: int, point: int, seed: int) -> None:
    fixed, x = made(Fixed(width=width, point=point)), numbers(seed).sort().values
    once = fixed(x)
    assert torch.equal(fixed(once), once)
    assert (once.diff() >= 0).all()
    codes = once.double() * 2.0 ** (width - point)
    assert torch.equal(codes, codes.round())
    assert -(2.0 ** (width - 1)) <= codes.min() and codes.max() <= 2 ** (width - 1) - 1
    inside = (x > -(2.0 ** (point - 1))) & (x < 2.0 ** (point - 1) - 2.0 ** (point - width))
    assert ((once - x).abs()[inside] <= 2.0 ** (point - width) / 2).all()


def test_slopes_are_one_inside_of_the_clip_and_zero_outside() -> None:
    x = torch.tensor([-3, -2, -0.3, 0, 0.001, 1.984, 2.5], requires_grad=True)
    made(Fixed(width=8, point=2))(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 1, 1, 1, 1, 1, 0]


@given(some.integers(2, 10), some.sampled_from([0.0, 0.01, 0.1, 0.5]), some.integers(0, 99))
def test_the_point_is_the_smallest_at_which_few_enough_overflow(
    width: int, overflow: float, seed: int
) -> None:
    x = numbers(seed)
    fixed = made(Fixed(width=width, overflow=overflow))
    fixed.refresh(x)

    def share(point: int) -> float:
        codes = (x[x != 0].double() * 2.0 ** (width - point)).round()
        over = (codes < -(2 ** (width - 1))) | (codes > 2 ** (width - 1) - 1)
        return float(over.double().mean())

    fits = (point for point in range(-width, width) if share(point) <= overflow + 1e-9)
    assert int(fixed.point) == next(fits, width)


def test_numbers_that_are_all_zero_leave_the_point_alone() -> None:
    fixed = made(Fixed(width=8, overflow=0.0))
    fixed.refresh(torch.zeros(5))
    assert int(fixed.point) == 1


def test_courbariaux_moves_the_point_by_one_towards_where_few_enough_overflow() -> None:
    """Up until 5 lies within -8 to 8, and down again when the numbers have become small."""
    fixed = made(Fixed(width=8, overflow=0.0, rule="courbariaux"))
    points = []
    for size in (5.0, 5.0, 5.0, 5.0, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3):
        fixed.refresh(torch.tensor([size, -size, 0.0]))
        points.append(int(fixed.point))
    assert points == [2, 3, 4, 4, 3, 2, 1, 0, 0, 0]
    fixed = made(Fixed(width=8, overflow=0.4, rule="courbariaux"))
    for _ in range(5):
        fixed.refresh(torch.tensor([5.0, 0.3, 0.3]))  # a third may overflow
    assert int(fixed.point) == 0


def test_rounding_by_chance_is_right_on_average_and_the_same_for_a_step() -> None:
    x = torch.full((40_000,), 0.30)
    fixed = made(Fixed(width=6, point=4, stochastic=True, seed=3), x)
    drawn = []
    for step, place in ((0, "a"), (1, "a"), (0, "b"), (0, "a")):
        fixed.draw(step, place)
        drawn.append(fixed(x))
    assert torch.equal(drawn[0], drawn[3]) and torch.equal(drawn[0], fixed(x))
    assert not torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert set(drawn[0].tolist()) == {0.25, 0.5}
    assert float(drawn[0].mean()) == pytest.approx(0.30, abs=3e-3)
    assert set(fixed.eval()(x).tolist()) == {0.25}
    flowing = made(Fixed(width=6, point=4, stochastic=True))
    assert float(flowing(x).mean()) == pytest.approx(0.30, abs=3e-3)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"width": 1, "point": 0}, "2 to 24 bits, not 1"),
        ({"width": 32, "point": 0}, "2 to 24 bits, not 32"),
        ({"width": 8}, "say the `point`, or a share `overflow`"),
        ({"width": 8, "point": 1, "overflow": 0.1}, "say the `point`, or a share `overflow`"),
        ({"width": 8, "point": 99}, "within 64 bits of 0, not at 99"),
        ({"width": 8, "overflow": 1.0}, "from 0 up to but not 1: 1"),
        ({"width": 8, "point": 1, "rule": "courbariaux"}, "say `overflow`, not `point`"),
    ],
)
def test_what_is_no_fixed_point_is_told(how: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Fixed(**how)  # pyright: ignore[reportArgumentType]
