"""Shares per layer: PocketFlow's numbers, all that was asked for and no more, and bounds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from compression.masks.ratios import bounds, heuristic
from proxyless_nas.published import published_spec


def test_larger_layers_lose_more_as_in_pocketflow() -> None:
    found = heuristic(0.5, [1000, 10_000, 100_000])
    assert found == pytest.approx([0.30663, 0.40884, 0.51105], abs=5e-6)


def test_the_inner_layers_of_resnet20_lose_as_much_as_in_pocketflow() -> None:
    """Head and tail and 1x1 shortcuts are left out."""
    network = published_spec("resnet20_cifar").build()
    counts = [
        tensor.numel()
        for name, tensor in network.named_parameters()
        if tensor.ndim == 4 and tensor.shape[-1] == 3 and not name.startswith("stem")
    ]
    found = dict(zip(counts, heuristic(0.75, counts), strict=True))
    known = {4608: 0.629587, 18_432: 0.733053, 36_864: 0.784786}
    assert {count: found[count] for count in known} == pytest.approx(known, abs=5e-7)


@given(some.floats(0, 1), some.lists(some.integers(2, 10**6), min_size=1, max_size=12))
def test_all_layers_together_lose_the_share_and_none_more_than_it_may(
    share: float, counts: list[int]
) -> None:
    found = heuristic(share, counts)
    lost = math.fsum(count * one for count, one in zip(counts, found, strict=True))
    assert lost == pytest.approx(share * sum(counts), rel=1e-9, abs=1e-6)
    assert all(0 <= one <= bounds(share)[1] + 1e-9 for one in found)
    by_size = [one for _, one in sorted(zip(counts, found, strict=True))]
    assert by_size == sorted(by_size)


@pytest.mark.parametrize(
    "share, least, most", [(0.5, 0, 0.8333), (0.75, 0.25, 0.9167), (0.9, 0.7, 0.9667)]
)
def test_bounds_for_a_search_are_those_of_pocketflow(
    share: float, least: float, most: float
) -> None:
    assert bounds(share) == pytest.approx((least, most), abs=5e-5)
    assert bounds(1.0) == (1.0, 1.0)


def test_what_has_no_share_is_told() -> None:
    with pytest.raises(ValueError, match="fewer than 2 elements"):
        heuristic(0.5, [10, 1])
    with pytest.raises(ValueError, match=r"not at 1\.5"):
        heuristic(1.5, [10])
