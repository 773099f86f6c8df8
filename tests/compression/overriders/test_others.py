"""Ternary, binary, recentred, incremental and mixed numbers, and pruners in a chain."""

import pytest
import torch
from torch import Tensor

from compression.masks import Level, MeanStd, Surgery
from compression.overriders import (
    Fixed,
    Incremental,
    Mixed,
    Recentre,
    Shift,
    Ternary,
    ThresholdBinary,
)
from compression.overriders.incremental import Freezing
from compression.overriders.masked import Masked
from compression.overriders.mixed import ByChannel
from compression.overriders.recentre import Recentred
from compression.overriders.ternary import Signs


def weight(seed: int = 0, shape: tuple[int, ...] = (6, 20), zeros: float = 0.3) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=chance)
    return x.where(torch.rand(shape, generator=chance) > zeros, torch.tensor(0.0))


@pytest.mark.parametrize("per", ["tensor", "channel"])
@pytest.mark.parametrize("base", [-2, 0, 1])
def test_ternary_values_are_a_size_up_or_down_and_zeros_stay(per: str, base: int) -> None:
    x = weight()
    ternary = Ternary(base=base, per=per).made(x)  # pyright: ignore[reportArgumentType]
    assert isinstance(ternary, Signs)
    y = ternary(x)
    assert torch.equal(y.sign(), x.sign())
    sizes = (ternary.scale * 2.0**base).expand_as(x)
    assert torch.equal(y.abs()[x != 0], sizes[x != 0])
    rows = x if per == "channel" else x.reshape(1, -1)
    mean = torch.stack([row[row != 0].abs().mean() for row in rows])
    torch.testing.assert_close(ternary.scale.flatten() * 2.0**base, mean)


def test_a_ternary_size_learns_and_slopes_pass_straight() -> None:
    x = weight().requires_grad_()
    ternary = Ternary(base=1, scale=0.5).made(x)
    slope = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    (ternary(x) * slope).sum().backward()
    assert x.grad is not None and torch.equal(x.grad, slope)
    assert isinstance(ternary, Signs) and ternary.scale.grad is not None
    torch.testing.assert_close(ternary.scale.grad, (2 * x.detach().sign() * slope).sum()[None])
    ternary.start(torch.full_like(x, 9.0))
    assert ternary.scale.tolist() == [0.5]  # what is said is not measured


def test_binary_numbers_are_strictly_above_and_learn_near_the_threshold() -> None:
    x = torch.tensor([0.5, 0.51, -3, -0.4, 1.4, 1.6], requires_grad=True)
    y = ThresholdBinary(threshold=0.5).made(None)(x)
    assert y.tolist() == [0, 1, 0, 0, 1, 1]
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [1, 1, 0, 1, 1, 0]


RECENTRE = Recentre(grid=Shift(width=3, overflow=0.0), means=Fixed(width=8, overflow=0.0))


def test_each_side_is_rounded_around_its_own_mean() -> None:
    x = weight()
    found = RECENTRE.made(x)
    assert isinstance(found, Recentred)
    found.refresh(x)
    y = found(x)
    assert torch.equal(y == 0, x == 0)
    for side in (x > 0, x < 0):
        mean = found.means(x[side].mean())
        torch.testing.assert_close(y[side], found.grid(x[side] - mean) + mean)
        assert abs(float(mean - x[side].mean())) < 0.01


def test_a_zero_stays_zero_wherever_the_means_lie() -> None:
    found = Recentre(grid=Fixed(width=4, point=1), means=Fixed(width=4, point=1)).made(None)
    x = torch.tensor([0.0, 0.4, 0.9, 0.0])
    assert found(x)[[0, 3]].tolist() == [0, 0] and found(torch.zeros(3)).tolist() == [0, 0, 0]


def test_recentred_slopes_are_those_of_the_grid_and_the_penalty_pulls_to_it() -> None:
    x = torch.tensor([0.5, 0.7, -0.2, 5.0, 0.0], requires_grad=True)
    kind = Recentre(grid=Fixed(width=4, point=1), means=Fixed(width=8, point=4), penalty=0.3)
    found = kind.made(x)
    found(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 0, 1, 0, 1]  # the mean is 2.07
    x.grad = None
    penalty = found.penalty(x)
    assert penalty is not None
    torch.testing.assert_close(penalty, 0.3 * (x - found(x)).abs().sum())
    penalty.backward()
    assert torch.equal(x.grad, 0.3 * (x - found(x)).detach().sign())  # pyright: ignore
    assert RECENTRE.made(x).penalty(x) is None


@pytest.mark.parametrize("count_zeros", [False, True])
def test_incremental_freezes_the_nearest_share_by_share_until_all_is_on_the_grid(
    count_zeros: bool,
) -> None:
    x, grid = weight(shape=(7, 13)), Fixed(width=4, overflow=0.0)
    kind = Incremental(grid=grid, share=0.3, count_zeros=count_zeros)
    found = kind.made(x)
    assert isinstance(found, Freezing) and kind.refreshes == 4
    found.start(x)
    count = x.numel() if count_zeros else int(x.count_nonzero())
    before, values = found.frozen.clone(), found.held.clone()
    for share in (0.3, 0.6, 0.9, 1.0):
        error = (found.grid(x) - x).abs()
        found.refresh(x)
        assert int(found.frozen.sum()) == int(share * count + 1e-6)
        assert (found.frozen | ~before).all()  # what was frozen stays so
        assert torch.equal(found.held[before], values[before])
        new, left = found.frozen & ~before, ~found.frozen & (x != 0)
        if left.any():
            assert error[new].max() <= error[left].min()
        y = found(x)
        assert torch.equal(y[~found.frozen], x[~found.frozen])
        before, values = found.frozen.clone(), found.held.clone()
        x = torch.where(x == 0, x, x + 0.01)  # the others go on; so does what lies below
    assert torch.equal(found(x), found.grid(found(x)))
    assert torch.equal(found(x) == 0, (x == 0) | (found.held == 0) & found.frozen)


def test_what_is_frozen_has_no_slope_and_a_zero_of_a_pruner_stays() -> None:
    x = weight(zeros=0.0).requires_grad_()
    found = Incremental(grid=Fixed(width=6, point=3), share=0.5).made(x)
    assert isinstance(found, Freezing)
    found.start(x.detach())
    found.refresh(x.detach())
    found(x).sum().backward()
    assert x.grad is not None and torch.equal(x.grad == 0, found.frozen)
    pruned = x.detach().where(~found.frozen, torch.tensor(0.0))
    assert not found(pruned)[found.frozen].any()


def test_each_channel_has_the_grid_that_loses_least() -> None:
    even = torch.linspace(-1, 1, 16)
    powers = torch.tensor([1.0, 0.5, 0.25, 0.125] * 4)
    x = torch.stack([even, powers, even * 0.9])
    grids = (Shift(width=2, overflow=0.0), Fixed(width=4, overflow=0.1))
    found = Mixed(grids=grids).made(x)
    assert isinstance(found, ByChannel)
    found.refresh(x)
    assert found.chosen.flatten().tolist() == [1, 0, 1]
    y = found(x)
    for row, which in enumerate((1, 0, 1)):
        one = grids[which].made(None)
        one.refresh(x)
        assert torch.equal(y[row], one(x[row]))


def test_surgery_in_a_chain_takes_the_published_four_steps() -> None:
    """`mayo_pocketflow_xilinx.md`, A2.1: thresholds 3, 3.18, 3.24, 2.88."""
    found = Masked(Surgery(alpha=0.0), torch.zeros(5))
    seen = []
    for row in ([1, 2, 3, 4, 5], [1, 2.9, 3, 4, 5], [1, 3.4, 2.8, 4, 5], [1, 3.4, 3, 2, 5]):
        found.refresh(torch.tensor(row, dtype=torch.float32))
        seen.append("".join(map(str, found.mask.kept.int().tolist())))
    assert seen == ["00111", "00111", "00011", "01001"]


def test_mean_std_has_the_deviation_of_a_population() -> None:
    """The threshold of A2.1 for alpha -0.5: 1.073445522."""
    x = torch.tensor([-4, -1, 0.5, 2, 3, 0.1])
    threshold = float(x.abs().mean() - 0.5 * x.abs().std(unbiased=False))
    assert threshold == pytest.approx(1.073445522, abs=1e-6)
    ends = torch.cat([x[:5], torch.tensor([0.1])])
    found = Masked(MeanStd(alpha=-0.5), ends)
    found.refresh(ends)
    assert found.mask.kept.int().tolist() == [1, 0, 0, 1, 1, 0]
    between = torch.tensor([1.02, 1.0, 0.98, 1.0])  # a band would keep all of these
    found = Masked(MeanStd(alpha=0.0), between)
    found.refresh(between)
    assert found.mask.kept.int().tolist() == [1, 0, 0, 0]


def test_only_surgery_lets_what_is_masked_learn_on() -> None:
    for method, slope in ((Surgery(alpha=0.0), 1.0), (Level(share=0.5), 0.0)):
        x = torch.tensor([0.1, 2.0, 0.2, 3.0], requires_grad=True)
        found = Masked(method, x)
        found.refresh(x.detach())
        y = found(x)
        assert y.tolist() == [0, 2, 0, 3]
        y.sum().backward()
        assert x.grad is not None and x.grad.tolist() == [slope, 1, slope, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ternary(base=99), "a `base` of 99 is beyond 64 shifts"),
        (lambda: Ternary(scale=0.0), "a `scale` of 0 is no number above 0"),
        (lambda: Recentre(grid=RECENTRE.grid, means=RECENTRE.means, penalty=-1.0), "below 0"),
        (lambda: Incremental(grid=RECENTRE.grid, share=0.0), "above 0 and up to 1, not 0"),
        (lambda: Mixed(grids=(RECENTRE.grid,)), "name two `grids` or more"),
    ],
)
def test_what_cannot_be_is_told(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
