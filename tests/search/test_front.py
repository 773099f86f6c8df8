"""The front of searched networks: its law, what is read off it, what the page shows."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyless_nas.drawing.words import percent
from search.report.front import Family, Front, FrontNetwork, at_latency, at_network, lead
from search.report.front_page import render_front
from search.report.timed import front_of

IMAGES = 1000


def network(name: str, accuracy: float, ms: float, family: Family = "beside") -> FrontNetwork:
    return FrontNetwork(
        name=name,
        family=family,
        test_accuracy=accuracy,
        macs=10**6,
        measured_ms=ms,
        measured_p50_ms=ms,
        measured_p90_ms=ms,
    )


BESIDE = (
    network("small", 0.80, 1.0),
    network("wasteful", 0.79, 1.5),
    network("middle", 0.90, 2.0),
    network("large", 0.94, 4.0),
    network("largest", 0.93, 8.0),
)


def verdict(accuracy: float, ms: float) -> str:
    own = network("own", accuracy, ms, "searched")
    (said,) = Front((own, *BESIDE), "here", "test images", IMAGES).verdicts
    return said.replace("\N{NO-BREAK SPACE}", " ")


points = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)), min_size=1, max_size=12)


@given(points)
def test_a_network_is_on_the_front_unless_another_beats_it(found: list[tuple[int, int]]) -> None:
    networks = [network(str(i), right / 6, float(ms)) for i, (right, ms) in enumerate(found)]
    front = front_of(networks)
    for each in networks:
        others = [one for one in networks if one.name != each.name]
        beaten = any(
            (one.test_accuracy >= each.test_accuracy and one.measured_ms < each.measured_ms)
            or (one.test_accuracy > each.test_accuracy and one.measured_ms <= each.measured_ms)
            for one in others
        )
        assert (each in front) != beaten
    assert [each.measured_ms for each in front] == sorted(each.measured_ms for each in front)
    assert front_of(front) == front


def test_between_two_networks_of_the_front_accuracy_is_interpolated() -> None:
    front = front_of(BESIDE)
    assert [each.name for each in front] == ["small", "middle", "large"]
    for ms, expected in ((1.0, 0.80), (1.25, 0.825), (2.0, 0.90), (3.5, 0.93), (4.0, 0.94)):
        met = at_latency(front, ms)
        assert met is not None and met.test_accuracy == pytest.approx(expected)
    assert at_latency(front, 0.99) is None and at_latency(front, 4.01) is None
    assert at_latency((), 1.0) is None


def test_the_error_of_a_lead_is_that_of_all_counts_in_it() -> None:
    own, met = network("own", 0.95, 3.5, "searched"), at_latency(front_of(BESIDE), 3.5)
    assert met is not None and met.share == 0.75
    ahead = lead(own, met, IMAGES)
    variances = 0.95 * 0.05, 0.25**2 * 0.90 * 0.10, 0.75**2 * 0.94 * 0.06
    assert ahead.gain == pytest.approx(0.02)
    assert ahead.error == pytest.approx(math.sqrt(sum(variances) / IMAGES))
    alone = lead(own, at_network(BESIDE[0]), IMAGES)
    assert alone.error == pytest.approx(math.sqrt((0.95 * 0.05 + 0.80 * 0.20) / IMAGES))


@pytest.mark.parametrize(
    ("accuracy", "ms", "said"),
    [
        (0.92, 2.5, "reach 91.00 % (on the line from middle to large), so it wins 1.00 ± 1.13"),
        (0.92, 2.5, "at least as accurate, large, takes 1.60 × as long."),
        (0.96, 3.0, "None of the others is as accurate."),
        (0.84, 1.25, "(on the line from small to middle), so it wins 1.50"),
        (0.70, 1.5, "reach 85.00 % (on the line from small to middle), so it loses 15.00"),
        (0.91, 2.0, "reach 90.00 % (middle), so it wins 1.00"),
        (0.85, 0.8, "none of the others is as fast. The fastest, small, takes 1.25 × as long and "
         "is less accurate by 5.00"),
        (0.70, 0.5, "takes 2.00 × as long and is more accurate by 10.00"),
        (0.95, 5.0, "the others' front ends before, at large (94.00 % in 4.00 ms); it wins 1.00"),
        (0.93, 5.0, "it loses 1.00 ± 1.10 points (less than two standard errors) against that one. "
         "The fastest of the others that is at least as accurate, large, takes 0.80 × as long."),
    ],
)  # fmt: skip
def test_what_is_said_of_a_searched_network(accuracy: float, ms: float, said: str) -> None:
    assert said in verdict(accuracy, ms)


def test_nothing_is_told_twice_or_made_up() -> None:
    assert verdict(0.70, 0.5).count("small") == 1
    own = network("own", 0.9, 1.0, "searched")
    (alone,) = Front((own,), "here", "test images", IMAGES).verdicts
    assert alone.endswith("nothing stands beside it to compare with.")
    with pytest.raises(ValueError, match="networks and images"):
        Front((), "here", "test images", IMAGES)


def test_the_page_holds_every_network_sentence_and_note() -> None:
    evil = network("<b>own</b>", 0.91, 2.5, "searched")
    front = Front((evil, *BESIDE), "a day & a place", "test images", IMAGES, ("a note",))
    page = render_front(front)
    assert "<b>own" not in page and "&lt;b&gt;own" in page and "a day &amp; a place" in page
    for each in BESIDE:
        assert page.count(f">{each.name}: ") == 2, "a mark in both charts"
        assert page.count(f">{each.name}<") >= 2, "a label in one of them, and the table"
        assert percent(each.test_accuracy, 2) in page
    assert "a note" in page and "(on the line from middle to large)" in page
    assert not re.search(r"\bnan\b|\binf\b|None|https?:|<script", page)
    assert (
        "first-line"
        not in render_front(Front((evil,), "here", "test images", 1)).partition("<body>")[2]
    )
