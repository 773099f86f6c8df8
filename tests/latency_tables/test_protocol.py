"""Laws of the measuring protocol, under a clock that tells planted times."""

import numpy as np
import pytest
from msgspec.structs import replace

from latency_tables.entry import p10_ms
from latency_tables.protocol import (
    SENTINEL,
    Protocol,
    Visit,
    contention,
    finished,
    keep_busy,
    measure_items,
    visit,
)
from latency_tables.statistics import half_width
from tests.latency_tables.helpers import QUICK, FakeClock, stamps

US = 1000


def run(clock: FakeClock, items, protocol: Protocol, **given):
    sentinel = given.pop("sentinel", clock.busy([40 * US]))
    return measure_items(
        items, sentinel, protocol, np.random.default_rng(0), stopwatch=stamps(clock), **given
    )


def test_outliers_do_not_move_the_p10() -> None:
    clock = FakeClock()
    calm = [100 * US] * 8
    seen = run(
        clock,
        {"a": clock.busy([*calm, 5000 * US, 900 * US])},
        QUICK,
    )
    assert p10_ms(seen["a"]) == pytest.approx(0.1)


def test_a_visit_warms_up_and_then_lasts_its_time() -> None:
    clock = FakeClock()
    call = clock.busy([500 * US])
    seen = visit("a", call, Protocol(visit_ms=3.0, warm_up=2), stamps(clock))
    assert len(seen.spent) == 6 and clock.calls == 8


def test_a_slow_item_is_still_timed_once_per_visit() -> None:
    clock = FakeClock()
    assert visit("a", clock.busy([10**9]), QUICK, stamps(clock)).spent == (10**9,)


def test_a_callable_that_only_waits_does_not_hang_the_visit() -> None:
    clock = FakeClock()

    def wait() -> None:
        clock.wall += 10**6

    assert visit("a", wait, Protocol(visit_ms=1.0), stamps(clock)).spent[0] == 0


def test_a_steady_item_stops_early_and_a_restless_one_at_the_limit() -> None:
    clock = FakeClock()
    restless = [int(us * US) for us in np.random.default_rng(1).uniform(1000, 4000, 997)]
    items = {"steady": clock.busy([100 * US]), "restless": clock.busy(restless)}
    protocol = replace(QUICK, max_visits=12, tolerance=0.01)
    seen = run(clock, items, protocol)
    assert len(seen["steady"]) == 6
    assert len(seen["restless"]) == 12
    assert len(seen[SENTINEL]) == 12


def test_the_half_width_of_equal_visits_is_zero_and_of_too_few_infinite() -> None:
    assert half_width([3.0] * 6) == 0
    assert half_width([3.0] * 3) == float("inf")


def test_the_half_width_looks_only_at_the_lower_half() -> None:
    assert half_width([1.0, 1.0, 1.0, 9.0, 7.0, 5.0]) == 0


def test_finished_items_of_an_earlier_run_are_not_called() -> None:
    clock = FakeClock()
    items = {"a": clock.busy([100 * US]), "b": clock.busy([200 * US])}
    before = run(clock, items, QUICK)

    def never() -> None:
        raise AssertionError("called")

    again = run(
        clock,
        {"a": never, "b": items["b"]},
        QUICK,
        before={"a": before["a"]},
    )
    assert again["a"] == before["a"] and len(again["b"]) >= 6


def test_every_visit_is_recorded_in_the_order_it_happened() -> None:
    clock, record = FakeClock(), []
    items = {key: clock.busy([100 * US]) for key in "abcdef"}
    seen = run(clock, items, QUICK, record=record.append)
    assert sum(map(len, seen.values())) == len(record)
    rounds = [tuple(one.key for one in record[i : i + 7]) for i in range(0, len(record), 7)]
    assert all(sorted(keys) == sorted([*"abcdef", SENTINEL]) for keys in rounds)
    assert len(set(rounds)) > 1


def made(statistic: float, wall_factor: float) -> Visit:
    return Visit("a", (1000, 1000), (int(1000 * wall_factor),) * 2, statistic)


def test_a_calm_measurement_is_not_contended() -> None:
    assert contention([made(1000, 1.01)] * 9, [made(1000, 1.0)] * 9) is None


def test_a_shared_core_is_contended() -> None:
    assert "shared the core" in (contention([made(1000, 1.2)] * 9, [made(1000, 1.0)] * 3) or "")


def test_a_moving_sentinel_is_contended() -> None:
    moving = [made(1000 + 200 * (i % 2), 1.0) for i in range(9)]
    assert "speed moved" in (contention([made(1000, 1.0)] * 9, moving) or "")


@pytest.mark.parametrize("wrong", [{"tolerance": 0.0}, {"visit_ms": 0.0}, {"min_visits": 2}])
def test_a_protocol_that_cannot_work_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[-1]):
        Protocol(**wrong)


def test_finished_respects_the_least_number_of_visits() -> None:
    protocol = QUICK
    assert not finished([made(1000, 1.0)] * 5, protocol)
    assert finished([made(1000, 1.0)] * 6, protocol)


def test_the_core_is_kept_busy_for_as_long_as_asked() -> None:
    clock = FakeClock()
    keep_busy(clock.busy([10**6]), 0.05, stamps(clock))
    assert 50 <= clock.wall / 1e6 < 52
