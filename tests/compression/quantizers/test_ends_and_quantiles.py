"""Levels from the least to the largest weight, and codebooks from quantiles: as in PocketFlow."""

import pytest
import torch

from compression.quantizers.weights import CodebookWeights, RangeWeights
from compression.quantizers.weights.codebook import quantiles_of


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "bits, expected", [(2, [-1, 0, 0, 0, 1, 2]), (4, [-1, -0.4, 0, 0.2, 0.8, 2])]
)
def test_levels_between_the_ends_are_those_of_pocketflow(
    bits: int, expected: list[float], dtype: torch.dtype
) -> None:
    w = torch.tensor([[-1, -0.4, 0, 0.3, 0.9, 2]], dtype=dtype)
    kind = RangeWeights(bits=bits, per="tensor", symmetric=False, zero=False)
    found = kind.quantizer(w)(w)
    torch.testing.assert_close(found, torch.tensor([expected], dtype=dtype), rtol=0, atol=1e-5)


def test_both_ends_are_levels_whatever_lies_between_and_a_constant_stays() -> None:
    for per in ("tensor", "channel"):
        kind = RangeWeights(bits=3, per=per, symmetric=False, zero=False)
        w = torch.rand(5, 40, generator=torch.Generator().manual_seed(0)) + 3
        found = kind.quantizer(w)(w)
        pieces = found if per == "channel" else found.reshape(1, -1)
        wholes = w if per == "channel" else w.reshape(1, -1)
        for one, whole in zip(pieces, wholes, strict=True):
            assert len(one.unique()) == 8
            torch.testing.assert_close(torch.stack([one.min(), one.max()]),
                                       torch.stack([whole.min(), whole.max()]))  # fmt: skip
        same = torch.full((2, 6), 0.7)
        torch.testing.assert_close(kind.quantizer(same)(same), same)
    buckets = RangeWeights(bits=1, group=4, symmetric=False, zero=False)
    w = torch.arange(16.0).reshape(2, 8)
    found = buckets.quantizer(w)(w).reshape(-1, 4)
    torch.testing.assert_close(found[:, [0, 3]], w.reshape(-1, 4)[:, [0, 3]])


def test_a_codebook_may_begin_at_quantiles_as_in_pocketflow() -> None:
    numbers = torch.arange(1.0, 101.0)
    assert quantiles_of(numbers.numpy(), 4) == pytest.approx([20.8, 40.6, 60.4, 80.2])
    kind = CodebookWeights(bits=2, begin="quantiles", rounds=1)
    found = kind.quantizer(numbers)(numbers)
    assert len(found.unique()) == 4  # means of what is nearest to those of the first round
    assert found.unique().tolist() == pytest.approx([14.5, 39.5, 62, 87])
