"""Laws of calibration, sampling and error figures."""

import numpy as np
import pytest
from msgspec import structs

from latency_tables.fitting import Features, features, fit_coefficients
from latency_tables.judging import Sampled, judge
from latency_tables.networks import Measured, Session
from latency_tables.sampling import sample_options
from latency_tables.statistics import kendall, spearman
from proxyless_nas import Skip, named_space
from tests.latency_tables.helpers import made_up_table

FASHION = named_space("fashion")


def planted(a: float, b: float, c: float, d: float, calls: bool = True):
    chance = np.random.default_rng(0)
    given = [
        Features(
            raw_ms=0.0,
            work_ms=chance.uniform(1, 5),
            calls=int(chance.integers(3, 12)) if calls else 0,
            weight_mb=chance.uniform(0.1, 3),
            macs=1,
        )
        for _ in range(12)
    ]
    return given, [a * f.work_ms + b * f.calls + c * f.weight_mb + d for f in given]


@pytest.mark.parametrize(
    "plan", [(1.1, 0.01, 0.05, -0.2), (0.9, -0.02, 0.3, 0.4), (1.0, 0.0, 0.0, 0.0)]
)
def test_the_fit_recovers_planted_coefficients(plan) -> None:
    assert fit_coefficients(*planted(*plan)) == pytest.approx(plan, abs=1e-6)


def test_weight_never_gets_a_negative_price() -> None:
    a, b, c, _ = fit_coefficients(*planted(1.0, 0.01, -0.05, 0.2))
    assert c == 0 and a > 0 and b == pytest.approx(0.01, abs=0.02)


def test_entries_without_a_call_pay_for_none() -> None:
    plan = (1.1, 0.0, 0.05, -0.2)
    assert fit_coefficients(*planted(*plan, calls=False)) == pytest.approx(plan, abs=1e-6)


def test_no_entry_is_priced_below_nothing() -> None:
    given, truth = planted(1.0, -0.2, 0.05, 2.0)
    assert fit_coefficients(given, truth, least_ms=0.21)[1] == pytest.approx(-0.2, abs=1e-6)
    assert fit_coefficients(given, truth, least_ms=0.19)[1] == 0.0


def test_the_noisier_the_measurement_the_less_the_fit_strays_from_one_call() -> None:
    given, truth = planted(1.1, 0.1, 0.05, -1.0)
    fits = [fit_coefficients(given, truth, noise, 0.01) for noise in (0.0, 0.01, 0.1, 10.0)]
    calls, starts = [fit[1] for fit in fits], [fit[3] for fit in fits]
    assert (calls[0], starts[0]) == pytest.approx((0.1, -1.0), abs=1e-6)
    assert starts == sorted(starts) and starts[-1] == pytest.approx(0.01, abs=0.02)
    assert calls == sorted(calls, reverse=True) and calls[-1] == pytest.approx(0, abs=0.02)


def test_no_two_sampled_networks_compute_the_same() -> None:
    networks = [FASHION.network(options) for options in sample_options(FASHION, 200, seed=3)]
    computed = {tuple(b for b in spec.blocks if not isinstance(b, Skip)) for spec in networks}
    assert len(computed) == 200


def test_samples_repeat_under_their_seed_and_reach_every_depth() -> None:
    options = sample_options(FASHION, 60, seed=0)
    assert options == sample_options(FASHION, 60, seed=0)
    assert options != sample_options(FASHION, 60, seed=1)
    depths = {
        sum(not isinstance(block, Skip) for block in FASHION.network(choice).blocks)
        for choice in options
    }
    assert depths == set(range(3, 10))


def test_a_space_with_too_few_networks_says_so() -> None:
    with pytest.raises(ValueError, match=r"fewer .*--fit, --test"):
        sample_options(named_space("smoke"), 401, seed=0)


def test_rank_agreement_is_that_of_scipy_even_with_ties() -> None:
    a, b = [1, 2, 2, 3, 5, 5, 5, 8], [2, 1, 3, 3, 4, 6, 4, 9]
    assert spearman(a, b) == pytest.approx(0.9256265453136692)  # scipy.stats.spearmanr 1.17
    assert kendall(a, b) == pytest.approx(0.8406728074767076)  # scipy.stats.kendalltau 1.17


def test_rank_agreement_is_1_in_order_and_minus_1_against_it() -> None:
    for agreement in (spearman, kendall):
        assert agreement([1, 2, 3, 4], [10, 20, 40, 90]) == pytest.approx(1)
        assert agreement([1, 2, 3, 4], [9, 7, 6, 1]) == pytest.approx(-1)
        assert agreement([1, 2, 3, 4], [5, 5, 5, 5]) == 0


def test_a_device_that_obeys_the_model_is_predicted_without_error_at_any_speed() -> None:
    table, speed = made_up_table(FASHION), 1.3
    wide_table = made_up_table(named_space("fashion-w1.5"))
    sampled = [
        Sampled("fit" if index < 8 else "test", choice, FASHION.network(choice))
        for index, choice in enumerate(sample_options(FASHION, 20, seed=0))
    ]
    wide = named_space("fashion-w1.5")
    sampled += [
        Sampled("width 1.5", choice, wide.network(choice))
        for choice in sample_options(wide, 5, seed=0)
    ]
    everything = structs.replace(table, entries=table.entries | wide_table.entries)
    given = [features(everything, one.placed) for one in sampled]
    truth = [1.05 * one.work_ms + 0.002 * one.calls + 0.2 * one.weight_mb + 0.01 for one in given]
    networks = tuple(
        Measured("n", speed * ms, speed * ms, speed * ms, 0.0, 0.04 * speed, 20, 200, None)
        for ms in truth
    )
    seen = {key: entry.at_speed(speed) for key, entry in everything.entries.items()}
    session = Session(networks, {}, 0.04 * speed, None)
    report = judge(table, sampled, session, seen, seed=0)
    assert report.drift == pytest.approx(speed)
    assert report.sentinel_drift == pytest.approx(speed)
    assert report.calibrated.mape == pytest.approx(0, abs=1e-6)
    assert report.calibrated.kendall == pytest.approx(1)
    fit = report.calibration
    assert (fit.a, fit.b, fit.c, fit.d) == pytest.approx((1.05, 0.002, 0.2, 0.01), abs=1e-5)
    assert (fit.fit, fit.test) == (8, 12)
    assert report.raw.mape > 0.01
    at_width, deeper = report.elsewhere
    assert (at_width.name, at_width.networks) == ("at width 1.5", 5)
    for other in report.elsewhere:
        assert other.calibrated.mape == pytest.approx(0, abs=1e-5)
    depths = sorted(one.depth for one in sampled if one.role != "width 1.5")
    assert deeper.networks == sum(depth > depths[7] for depth in depths)
