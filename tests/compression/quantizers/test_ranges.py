"""Ranges: none is worse than it claims, outliers are dropped, and dull numbers do no harm."""

import pytest
import torch
from torch import Tensor, nn

from compression.quantizers.activations import (
    AnyActivations,
    LearnedActivations,
    PactActivations,
    RangeActivations,
)
from compression.quantizers.ranges import AnyRange, Entropy, MeanSquare, MinMax, Percentile
from compression.quantizers.seen import Sample, observe
from compression.quantizers.weights import (
    AnyWeights,
    CodebookWeights,
    DorefaWeights,
    LearnedWeights,
    PowerWeights,
    RangeWeights,
    TernaryWeights,
    WrpnWeights,
)

RANGES: tuple[AnyRange, ...] = (MinMax(), Percentile(), MeanSquare(), Entropy())


def normal(count: int = 6000, seed: int = 0) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed))


def error(kind: AnyActivations, values: Tensor) -> float:
    """The mean square of what rounding changes."""
    return float((kind.quantizer(Sample(values))(values) - values).square().mean().detach())


def top(how: AnyRange, values: Tensor, bits: int = 8) -> float:
    """The largest number that is left."""
    return float(RangeActivations(bits=bits, range=how).quantizer(Sample(values))(values).max())


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("bits", range(1, 9))
def test_the_least_mean_square_is_never_above_that_of_the_whole_range(
    bits: int, symmetric: bool
) -> None:
    numbers = normal()
    won = 0
    for values in (
        numbers,
        numbers.relu(),
        nn.functional.silu(4 * numbers),
        numbers**3,
        numbers + 5,
        torch.cat([numbers, torch.tensor([-300.0])]),
    ):
        least, whole = (
            error(RangeActivations(bits=bits, symmetric=symmetric, range=how), values)
            for how in (MeanSquare(), MinMax())
        )
        assert least <= whole
        won += least < 0.9 * whole
    assert won >= (3 if bits < 6 else 0)


@pytest.mark.parametrize("how", [Percentile(), Entropy()], ids=repr)
def test_one_huge_outlier_is_clipped(how: AnyRange) -> None:
    values = torch.cat([normal().abs(), torch.tensor([400.0])])
    assert top(MinMax(), values, bits=4) == pytest.approx(400)
    assert top(how, values, bits=4) < 60
    below = RangeActivations(bits=4, range=how).quantizer(Sample(-values))(-values)
    assert float(below.min()) > -60


def test_a_percentile_is_that_share_of_the_numbers() -> None:
    values = normal(20_000)
    for inside in (90.0, 99.0):
        y = RangeActivations(range=Percentile(inside=inside)).quantizer(Sample(values))(values)
        clipped = (values < y.min() - 0.02) | (values > y.max() + 0.02)
        assert float(clipped.float().mean()) == pytest.approx(1 - inside / 100, abs=0.01)
    assert top(Percentile(inside=100), values) == top(MinMax(), values)
    sparse = torch.zeros(10_000)
    sparse[:5] = 2.0  # so few that a percentile sees none of them
    assert top(Percentile(), sparse) == pytest.approx(2)
    with pytest.raises(ValueError, match="0 percent cannot lie inside"):
        Percentile(inside=0)


def test_entropy_keeps_what_has_no_outliers_and_counts_the_levels_of_one_side() -> None:
    values = torch.rand(40_000, generator=torch.Generator().manual_seed(0)) + 1e-3
    assert top(Entropy(), values, bits=4) == pytest.approx(float(values.max()), rel=0.01)
    size = normal(20_000).abs()
    both = torch.cat([size, -size])
    for symmetric in (False, True):
        kind = RangeActivations(bits=5, symmetric=symmetric, range=Entropy())
        assert float(kind.quantizer(Sample(both))(both).max()) == pytest.approx(
            top(Entropy(), size, bits=4), rel=0.05
        )


def test_entropy_does_not_clip_the_shorter_side_for_outliers_of_the_longer() -> None:
    values = torch.cat([nn.functional.silu(3 * normal()), torch.tensor([200.0])])
    y = RangeActivations(range=Entropy()).quantizer(Sample(values))(values)
    assert float(y.max()) < 100 and float(y.min()) == pytest.approx(float(values.min()), abs=0.2)


DULL = {"zeros": torch.zeros(8), "ones": torch.ones(8), "minus": -0.3 * torch.ones(8)}
FLOWING: list[AnyActivations] = [
    *(RangeActivations(range=how, symmetric=same) for how in RANGES for same in (False, True)),
    LearnedActivations(),
    LearnedActivations(offset=True),
    PactActivations(),
]
WEIGHTS: list[AnyWeights] = [
    *(RangeWeights(range=how, symmetric=same) for how in RANGES for same in (False, True)),
    RangeWeights(group=4),
    LearnedWeights(),
    DorefaWeights(),
    WrpnWeights(),
    CodebookWeights(),
    PowerWeights(),
]


@pytest.mark.parametrize("name", DULL)
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_constant_numbers_are_finite_and_near_themselves(name: str, bits: int) -> None:
    values = DULL[name]
    for kind in (type(one)(**{**_fields(one), "bits": bits}) for one in FLOWING):
        y = kind.quantizer(Sample(values))(values)
        assert y.isfinite().all(), kind
        torch.testing.assert_close(y, values, rtol=0.02, atol=1e-6, msg=str(kind))
    rows = values.reshape(2, 4)
    for kind in (type(one)(**{**_fields(one), "bits": bits}) for one in WEIGHTS):
        y = kind.quantizer(rows)(rows)
        assert y.isfinite().all(), kind
        if name == "zeros" and kind.keeps_zeros:
            assert not y.any(), kind
    for kind in (TernaryWeights(), TernaryWeights(per="tensor")):
        torch.testing.assert_close(kind.quantizer(rows)(rows), rows)


def _fields(one: AnyWeights | AnyActivations) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def test_the_sample_of_a_layer_is_drawn_from_all_places_alike() -> None:
    """A column of each map differs from the rest: a regular walk would see it always or never."""
    x = torch.ones(64, 16, 32, 32)
    x[..., 0] = -1.0
    layer = nn.Sequential(nn.Conv2d(16, 1, 1))
    batches = [(part, torch.zeros(len(part))) for part in x.split(8)]
    seen, again = (observe(layer, ["0"], batches)["0"].values for _ in range(2))
    assert float((seen < 0).float().mean()) == pytest.approx(1 / 32, abs=0.003)
    assert torch.equal(seen, again)
