"""Least lost for what is saved: the cost is met, nearly the best is found, stairs are seen."""

from itertools import product

import numpy as np
import pytest
import torch

from compression.widths import Gone, least_lost, losses_of, stops_of
from compression.widths.choose import Cost
from compression.widths.least_lost import Losses

WIDTHS = {"a": 16, "b": 32, "c": 8, "d": 24}


def losses(seed: int) -> Losses:
    chance = torch.Generator().manual_seed(seed)
    scores = {name: torch.rand(width, generator=chance) ** 3 for name, width in WIDTHS.items()}
    return losses_of(scores)


def chain(gone: Gone) -> float:
    """Layers from a to b, from b to c, from c to d and from d to a."""
    left = [width - gone.get(name, 0) for name, width in WIDTHS.items()]
    return float(sum(one * other for one, other in zip(left, [*left[1:], left[0]], strict=True)))


def stairs(gone: Gone) -> float:
    """The same, on a device that computes eight channels at a time."""
    left = [-(-(width - gone.get(name, 0)) // 8) for name, width in WIDTHS.items()]
    return float(sum(one * other for one, other in zip(left, [*left[1:], left[0]], strict=True)))


def lost(gone: Gone, each: Losses) -> float:
    return sum(float(each[name][count]) for name, count in gone.items())


@pytest.mark.parametrize("cost", [chain, stairs])
@pytest.mark.parametrize("share", [0.75, 0.5, 0.3])
def test_little_more_is_lost_than_must_be(cost: Cost, share: float) -> None:
    stops = stops_of(WIDTHS, 4)
    over = list[float]()
    for seed in range(5):
        each, most = losses(seed), share * cost({})
        gone = least_lost(each, cost, most, stops)
        assert cost(gone) <= most
        assert all(count in stops[name] for name, count in gone.items())
        best = min(
            lost(dict(zip(WIDTHS, counts, strict=True)), each)
            for counts in product(*((0, *stops[name]) for name in WIDTHS))
            if cost(dict(zip(WIDTHS, counts, strict=True))) <= most
        )
        over.append(lost(gone, each) / best)
    assert min(over) > 1 - 1e-9 and np.mean(over) < 1.1


def test_nothing_goes_that_saves_nothing_and_nothing_is_left_that_could_come_back() -> None:
    each = losses(0)
    every = {name: tuple(range(1, width)) for name, width in WIDTHS.items()}
    gone = least_lost(each, stairs, 0.5 * stairs({}), every)
    for name, count in gone.items():
        assert stairs({**gone, name: count - 1}) > 0.5 * stairs({})
    assert all((WIDTHS[name] - count) % 8 == 0 for name, count in gone.items())


def test_steps_that_only_save_together_are_found() -> None:
    def both(gone: Gone) -> float:
        return 1.0 - 0.5 * (gone.get("a", 0) >= 8 and gone.get("c", 0) >= 4)

    assert least_lost(losses(0), both, 0.6, stops_of(WIDTHS, 4)) == {"a": 8, "c": 4}


def test_what_cannot_be_met_is_told() -> None:
    with pytest.raises(ValueError, match="cannot be met"):
        least_lost(losses(0), chain, 10.0, stops_of(WIDTHS, 4))


def test_stops_leave_multiples_and_are_spread_where_there_are_too_many() -> None:
    assert stops_of({"a": 16, "b": 20, "c": 8}, 8) == {"a": (8,), "b": (4, 12), "c": ()}
    assert stops_of({"a": 64}, 8, most=3) == {"a": (16, 32, 56)}
    assert stops_of({"a": 5})["a"] == (1, 2, 3, 4)


def test_the_least_score_goes_first_whatever_its_unit() -> None:
    scores = {"a": torch.tensor([3.0, 1.0, 2.0])}
    expected = np.array([0.0, 0.5, 1.5])
    np.testing.assert_allclose(losses_of(scores)["a"], expected)
    np.testing.assert_allclose(losses_of({"a": 1000 * scores["a"]})["a"], expected)
    raw = losses_of({"a": 1000 * scores["a"]}, comparable=True)["a"]
    np.testing.assert_allclose(raw, 2000 * expected)
