"""Laws of structures: they part a tensor, and as many go as a share says."""

from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from torch import Tensor

from compression.structures import (
    Bernoulli,
    FilterApoz,
    GroupThreshold,
    Over,
    RankedL1,
    RankedL2,
    RankedRandom,
    Structure,
)


def weight_of(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3, 3), (4, 6, 5)])
@pytest.mark.parametrize("over", get_args(Over))
def test_what_is_said_of_a_structure_is_said_of_its_numbers(
    over: Over, shape: tuple[int, ...], outputs: int
) -> None:
    structure, weight = Structure(over=over, size=3, outputs=outputs), weight_of(*shape)
    rows = structure.rows(weight)
    assert sorted(rows.flatten().tolist()) == sorted(weight.flatten().tolist())
    numbers = torch.arange(len(rows))
    of_each = structure.spread(numbers, weight)
    assert of_each.shape == weight.shape
    for number in numbers.tolist():
        assert sorted(weight[of_each == number].tolist()) == sorted(rows[number].tolist())


def test_structures_are_those_that_their_names_say() -> None:
    weight = weight_of(4, 6, 3, 3)
    torch.testing.assert_close(Structure(over="filters").rows(weight)[2], weight[2].flatten())
    torch.testing.assert_close(Structure(over="channels").rows(weight)[5], weight[:, 5].flatten())
    kernels = Structure(over="kernels").rows(weight)
    torch.testing.assert_close(kernels[6 + 2], weight[1, 2].flatten())
    blocks = Structure(over="blocks", size=3, outputs=2).rows(weight)
    torch.testing.assert_close(blocks[0], weight[:2, :3, 0, 0].flatten())
    assert Structure(over="channels").rows(weight_of(7)).shape == (1, 7)


@pytest.mark.parametrize(
    "size, outputs, message",
    [
        (4, 1, "6 inputs .* blocks of 4"),
        (3, 3, "4 outputs .* blocks of 3"),
        (0, 1, "are no blocks"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(size: int, outputs: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Structure(over="blocks", size=size, outputs=outputs).rows(weight_of(4, 6, 3, 3))


@given(some.integers(1, 70), some.floats(0, 1))
def test_a_share_is_rounded_down_and_leaves_one_but_where_all_are_asked_for(
    count: int, share: float
) -> None:
    rows = weight_of(count, 3)
    for way in (RankedL1(share=share), RankedL2(share=share), RankedRandom(share=share)):
        gone = int((~way.kept(rows, None, 0)).sum())
        assert gone == (count if share == 1 else min(int(share * count + 1e-6), count - 1))


def test_the_least_go_and_what_is_zero_goes_before_all() -> None:
    rows = torch.tensor([[3.0, 0.0], [2.0, 2.0], [0.0, 0.0], [9.0, 9.0]])
    assert RankedL1(share=0.5).kept(rows, None, 0).tolist() == [False, True, False, True]
    assert RankedL2(share=0.5).kept(rows, None, 0).tolist() == [True, False, False, True]
    by_images = FilterApoz(share=0.5)
    scores = torch.tensor([0.1, 0.2, 9.0, 0.3])
    assert by_images.kept(rows, scores, 0).tolist() == [False, True, False, True]


def test_chance_is_drawn_anew_and_is_the_same_for_the_same_draw() -> None:
    rows = weight_of(64, 3)
    for way in (RankedRandom(share=0.5), Bernoulli(share=0.5)):
        first, again, other = (way.kept(rows, None, draw) for draw in (1, 1, 2))
        assert torch.equal(first, again) and not torch.equal(first, other)
    kept = torch.stack([Bernoulli(share=0.3).kept(rows, None, draw) for draw in range(200)])
    assert float(kept.float().mean()) == pytest.approx(0.7, abs=0.02)
    assert int(Bernoulli(share=0.999999).kept(rows, None, 0).sum()) == 1


def test_thresholds_are_distillers_on_its_documented_tensors() -> None:
    rows = torch.tensor([[1.0, -2.0], [0.5, 0.5], [0.0, 4.0]])
    assert GroupThreshold(value=1.4, of="mean").kept(rows, None, 0).tolist() == [True, False, True]
    assert GroupThreshold(value=2.0, of="max").kept(rows, None, 0).tolist() == [False, False, True]


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_shares_that_are_none_are_refused(share: float) -> None:
    for kind in (RankedL1, Bernoulli):
        with pytest.raises(ValueError, match="share must"):
            kind(share=share)
