"""The report: one well-formed offline page that says what the story says, and nothing else."""

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from proxyless_nas.drawing.labels import Box, around, place
from proxyless_nas.drawing.svg import axis
from proxyless_nas.drawing.words import count, milliseconds, percent
from search.report import (
    Story,
    TableCheck,
    TrainingCurve,
    render,
    write_report,
)
from search.report.verdict import comparison, speed_verdict, target_verdict
from tests.search.sample_story import (
    sample_story,
)

VOID = {"meta", "br", "hr", "img", "link", "input"}


@pytest.fixture(scope="module")
def story() -> Story:
    return sample_story()


class Balance(HTMLParser):
    """Counts tags: whatever opens must close, innermost first."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert len({name for name, _ in attrs}) == len(attrs), f"{tag}: attribute twice"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def parsed(page: str) -> Balance:
    balance = Balance()
    balance.feed(page)
    balance.close()
    assert balance.open == []
    assert not re.search(r"\bnan\b|\binf\b|None", page)
    return balance


def test_the_page_is_balanced_and_loads_nothing(story: Story) -> None:
    page = render(story)
    seen = set(parsed(page).seen)
    assert seen.isdisjoint({"script", "link", "img", "iframe", "object", "embed"})
    assert not re.search(r"https?:|//\w|url\(|@import|src=|href=", page)


def test_every_network_is_told_with_its_figures(story: Story) -> None:
    text = " ".join(parsed(render(story)).text)
    for each in story.networks:
        assert each.name in text
        assert percent(each.test_accuracy, 2) in text
        assert count(each.macs) in text
        assert f"{each.measured_ms:.3f}" in text
    for edge in story.edges:
        assert edge.name in text
    for fact in (story.command, story.commit, story.device, *story.fingerprint.values()):
        assert fact in text


def test_the_target_is_drawn_and_named(story: Story) -> None:
    page = render(story)
    assert 'class="target"' in page
    assert f"target {milliseconds(story.target_ms)}" in page
    other = render(replace(story, target_ms=0.77))
    assert f"target {milliseconds(0.77)}" in other
    assert f"target {milliseconds(0.6)}" not in other


def test_the_kept_candidate_is_named_also_where_another_is_likelier(story: Story) -> None:
    last = story.points[-1].probabilities[0]
    unlikely = min(range(len(last)), key=lambda option: last[option])
    edge = replace(story.edges[0], kept=unlikely)
    text = " ".join(parsed(render(replace(story, edges=(edge, *story.edges[1:])))).text)
    assert f"{edge.candidates[unlikely]}, {last[unlikely]:.2f}" in text


def test_what_people_wrote_is_escaped(story: Story) -> None:
    evil = '<script>alert("1")</script>'
    networks = (replace(story.networks[0], name=evil), *story.networks[1:])
    edges = tuple(replace(edge, candidates=(evil, *edge.candidates[1:])) for edge in story.edges)
    page = render(
        replace(
            story,
            title=evil,
            device=evil,
            command=evil,
            searched=evil,
            networks=networks,
            edges=edges,
            fingerprint={evil: evil},
            seconds={evil: 1.0},
            block_ms={evil: 1.0},
        )
    )
    assert "script" not in parsed(page).seen
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_nothing_recorded_gives_notes(story: Story) -> None:
    empty = replace(
        story,
        edges=(),
        networks=(),
        points=(),
        check=TableCheck(),
        block_ms={},
        curves=(),
        seconds={},
        fingerprint={},
        test_images=None,
        command="",
    )
    text = " ".join(parsed(render(empty)).text)
    assert "No network has been trained yet" in text
    assert "No search was recorded" in text
    assert "No predictions were compared" in text


def test_one_of_everything(story: Story) -> None:
    ours = story.networks[:1]
    one = replace(
        story,
        networks=ours,
        points=story.points[:1],
        curves=(),
        check=replace(story.check, predictions=story.check.predictions[:1], spearman=None),
    )
    parsed(render(one))
    assert "Only one point of the search" in " ".join(parsed(render(one)).text)
    parsed(render(replace(one, edges=(), points=(), block_ms={})))
    parsed(render(replace(one, curves=(TrainingCurve("short", (1.0,), (0.5,)),))))
    parsed(render(replace(one, points=(replace(story.points[0], gate_loss=None),))))


def test_the_rival_is_the_fastest_equal_else_the_most_accurate(story: Story) -> None:
    found = comparison(story)
    assert found is not None and found.reaches
    assert found.rival.name == "hand-made-1"
    assert found.ratio == pytest.approx(found.rival.measured_ms / 0.612)
    best = replace(story.networks[0], test_accuracy=0.99)
    alone = replace(story, networks=(best, *story.networks[1:]))
    found = comparison(alone)
    assert found is not None and not found.reaches
    assert found.rival.name == "hand-made-1.4"
    assert f"No hand-made network reaches {percent(0.99, 2)}" in speed_verdict(alone)
    slow = replace(
        story, networks=(replace(story.networks[0], measured_ms=9.0), *story.networks[1:])
    )
    assert "did not beat" in speed_verdict(slow)
    assert "nothing to compare" in speed_verdict(replace(story, networks=story.networks[:1]))


def test_the_target_verdict_says_which_side(story: Story) -> None:
    ours = story.networks[0]
    assert "within" in target_verdict(story, ours)
    assert "slower than asked" in target_verdict(story, replace(ours, measured_ms=0.7))
    assert "faster than asked" in target_verdict(story, replace(ours, measured_ms=0.5))


def test_percentages_and_ragged_rows_fail_at_the_door(story: Story) -> None:
    with pytest.raises(ValueError, match="fraction"):
        replace(story, networks=(replace(story.networks[0], test_accuracy=93.4),))
    with pytest.raises(ValueError, match="do not match the candidates"):
        replace(story, edges=story.edges[1:])
    with pytest.raises(ValueError, match="target_ms"):
        replace(story, target_ms=0.0)


def test_it_is_written_in_one_step(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run" / "report.html"
    write_report(story, path)
    before = path.read_bytes()
    assert before == render(story).encode()
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="disk full"):
        write_report(replace(story, title="another"), path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]


def test_labels_keep_off_each_other() -> None:
    wanted = [(200 + 3 * index, 200 + 2 * index, f"network-{index}") for index in range(5)]
    taken = [around(x, y, 7) for x, y, _ in wanted]
    boxes = [label.box for label in place(wanted, taken, Box(0, 0, 400, 400))]
    for one, other in itertools.combinations(boxes, 2):
        assert one.overlap(other) == 0


@pytest.mark.parametrize("values", [[0.0], [3.0], [0.41, 1.09], [91.7, 93.7], [1e-4, 3e5], []])
def test_an_axis_holds_its_data_between_round_ticks(values: list[float]) -> None:
    scale = axis("x", values, 10, 110)
    assert all(10 <= scale(value) <= 110 for value in values)
    assert 2 <= len(scale.ticks) <= 12
    assert len({scale.text(tick) for tick in scale.ticks}) == len(scale.ticks)
