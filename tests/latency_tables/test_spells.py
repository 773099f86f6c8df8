"""Slow spells of the machine are found, because every item is slow in the same rounds."""

import numpy as np
import pytest
from msgspec.structs import replace

from latency_tables.entry import p10_ms
from latency_tables.protocol import SENTINEL, Visits, measure_items
from latency_tables.spells import round_factors, undisturbed
from tests.latency_tables.helpers import QUICK, FakeClock, stamps

US = 1000
COSTS = {"small": 7 * US, "large": 120 * US, "medium": 36 * US}


def timed(calm_from_s: float, calm_until_s: float, seconds: float = 15.0) -> Visits:
    """Measure on a machine that takes 35 % longer outside of the calm interval."""
    clock, noise = FakeClock(), np.random.default_rng(0)

    def call_of(cost: int):
        def call() -> None:
            calm = calm_from_s <= clock.wall / 1e9 < calm_until_s
            spent = int(cost * (1.0 if calm else 1.35) * noise.uniform(1.0, 1.02))
            clock.cpu += spent
            clock.wall += spent

        return call

    protocol = replace(QUICK, spread_s=seconds, min_visits=20, max_visits=40)
    items = {key: call_of(cost) for key, cost in COSTS.items()}
    sentinel = call_of(40 * US)
    return measure_items(
        items, sentinel, protocol, np.random.default_rng(0), stopwatch=stamps(clock)
    )


@pytest.mark.slow
@pytest.mark.parametrize("calm", [(0.0, 3.0), (6.0, 9.0), (12.0, 99.0)])
def test_a_fifth_of_the_time_in_calm_is_enough(calm: tuple[float, float]) -> None:
    seen = undisturbed(timed(*calm))
    for key, cost in COSTS.items():
        assert p10_ms(seen[key]) * 1e6 == pytest.approx(cost, rel=0.01)
    assert p10_ms(seen[SENTINEL]) * 1e6 == pytest.approx(40 * US, rel=0.01)


def test_all_items_keep_the_same_rounds() -> None:
    visits = timed(4.0, 10.0)
    factors = round_factors(visits)
    kept = undisturbed(visits)
    fast = int((factors < 1.1 * factors.min()).sum())
    assert 5 <= fast < len(factors)
    for key in visits:
        early = [one for one in kept[key] if one in visits[key][: len(factors)]]
        assert len(early) == fast


def test_a_calm_machine_loses_no_visit() -> None:
    visits = timed(0.0, 99.0)
    assert undisturbed(visits) == visits
