"""What the report says of search alone, compression alone, and both."""

from msgspec.structs import replace

from search.report import CompressedNetwork, Story, render
from search.report.squeezing import verdicts
from tests.search.sample_story import sample_story


def compressed(name: str, kind: str, accuracy: float, ms: float) -> CompressedNetwork:
    return CompressedNetwork(
        name=name,
        kind="both" if kind == "both" else "compression",
        test_accuracy=accuracy,
        macs=1_000_000,
        measured_ms=ms,
        measured_p50_ms=1.01 * ms,
        measured_p90_ms=1.1 * ms,
        before=0.93,
        before_ms=2 * ms,
        done="12 channels of 3 groups gone",
        images=10_000,
    )


def told() -> Story:
    return replace(
        sample_story(),
        compressed=(
            compressed("searched at 0.5x", "both", 0.9312, 0.311),
            compressed("hand-made-1 at 0.6x", "compression", 0.9277, 0.603),
            compressed("hand-made-1 at 0.3x", "compression", 0.9051, 0.309),
        ),
        refused={"hand-made-1 at 0.1x": "the goal cannot be met"},
    )


def test_each_searched_network_stands_beside_the_compressed_one_of_its_latency() -> None:
    first, second = (line.replace("\xa0", " ") for line in verdicts(told()))
    assert first.startswith("Search alone: 93.42 % at 0.612 ms")
    assert first.endswith("compression alone: 92.77 % at 0.603 ms.")
    assert second.startswith("Search and compression: 93.12 % at 0.311 ms")
    assert second.endswith("compression alone: 90.51 % at 0.309 ms.")


def test_the_page_shows_all_of_them_and_why_one_is_missing() -> None:
    page = render(told())
    assert "Search, compression, or both" in page
    for one in told().compressed:
        assert page.count(one.name) >= 4  # twice in each of two charts, and in the table
    assert "hand-made-1 at 0.1x: the goal cannot be met" in page
    assert "12 channels of 3 groups gone" in page


def test_nothing_is_said_where_nothing_was_compressed() -> None:
    story = sample_story()
    assert not verdicts(story) and "compression, or both" not in render(story)
    refused = render(replace(story, refused={"searched at 0.1x": "too much"}))
    assert "searched at 0.1x: too much" in refused
    assert not verdicts(replace(told(), networks=()))
