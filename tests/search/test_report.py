"""The report: one well-formed offline page that says what the story says, and nothing else."""

import itertools
import math
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from proxyless_nas import NetworkSpec, hand_made, named_space
from search.naming import label_of
from search.report import (
    Prediction,
    SearchedEdge,
    SearchPoint,
    Story,
    TableCheck,
    TrainedNetwork,
    TrainingCurve,
    render,
    write_report,
)
from search.report.labels import Box, around, place
from search.report.story import Family
from search.report.svg import axis
from search.report.verdict import comparison, speed_verdict, target_verdict
from search.report.words import count, milliseconds, percent

SPACE = named_space("fashion")
CHOICE = tuple(
    wish % len(SPACE.edges[index].candidates)
    for wish, index in zip((1, 4, 2, 0, 3, 1, 4, 2) * 9, SPACE.searched, strict=False)
)
VOID = {"meta", "br", "hr", "img", "link", "input"}


def trained(spec: NetworkSpec, family: Family, accuracy: float, ms: float) -> TrainedNetwork:
    return TrainedNetwork(
        name=spec.name,
        family=family,
        spec=spec,
        test_accuracy=accuracy,
        parameters=spec.parameters,
        macs=spec.macs,
        predicted_ms=1.03 * ms,
        measured_ms=ms,
        measured_p50_ms=0.99 * ms,
        measured_p90_ms=1.08 * ms,
        epochs=30,
        seed=7,
    )


def pretend_ms(spec: NetworkSpec) -> float:
    """A latency that looks like one: a part per layer and a part per MAC."""
    return 0.012 * len(spec.layers()) + spec.macs / 9e6


def sample_networks(chance: random.Random) -> tuple[TrainedNetwork, ...]:
    found = [trained(SPACE.network(CHOICE, "searched-0.6ms"), "searched", 0.9342, 0.612)]
    for width, accuracy in (
        (0.35, 0.9182),
        (0.5, 0.9251),
        (0.75, 0.9308),
        (1.0, 0.9349),
        (1.4, 0.9371),
    ):
        spec = hand_made("fashion", width)
        found.append(trained(spec, "hand-made", accuracy, pretend_ms(spec)))
    for index in range(8):
        options = [chance.randrange(len(SPACE.edges[i].candidates)) for i in SPACE.searched]
        spec = SPACE.network(options, f"random-{index}")
        ms = pretend_ms(spec)
        found.append(trained(spec, "random", 0.90 + 0.04 * ms + chance.gauss(0, 0.002), ms))
    return tuple(found)


def sample_edges() -> tuple[SearchedEdge, ...]:
    placed = list(SPACE.placed())
    return tuple(
        SearchedEdge(
            f"blocks.{index}",
            tuple(label_of(block, placed[index][1]) for block in placed[index][0].candidates),
        )
        for index in SPACE.searched
    )


def sample_points(
    edges: tuple[SearchedEdge, ...], chance: random.Random
) -> tuple[SearchPoint, ...]:
    logits = [[0.0] * len(edge.candidates) for edge in edges]
    points: list[SearchPoint] = []
    for index in range(240):
        warm = index < 60
        for row, best in zip(logits, CHOICE, strict=True):
            for option in range(len(row)):
                pull = 0.035 if option == best else 0.0
                row[option] += 0.0 if warm else pull + chance.gauss(0, 0.05)
        rows = [[math.exp(logit) for logit in row] for row in logits]
        rows = [[value / sum(row) for value in row] for row in rows]
        entropy = -sum(p * math.log(p) for row in rows for p in row) / len(rows)
        points.append(
            SearchPoint(
                step=25 * index,
                epoch=index / 4,
                phase="warm-up" if warm else "search",
                train_loss=0.3 + 1.9 * math.exp(-index / 30) + chance.gauss(0, 0.02),
                gate_loss=None if warm else 0.45 + 0.3 * math.exp(-(index - 60) / 50),
                valid_accuracy=0.91 - 0.4 * math.exp(-index / 25) if index % 4 == 0 else None,
                probabilities=tuple(tuple(row) for row in rows),
                expected_ms=0.62 + 0.25 * math.exp(-index / 60),
                derived_ms=0.6 + 0.1 * (index < 130) + 0.02 * (index < 180),
                entropy=entropy,
            )
        )
    return tuple(points)


def sample_story() -> Story:
    chance = random.Random(3)
    edges = sample_edges()
    networks = sample_networks(chance)
    parts = {name: block.layers(name, shape) for name, block, shape in networks[0].spec.placed()}
    block_ms = {
        name: 0.012 * len(layers) + sum(layer.macs for layer in layers) / 9e6
        for name, layers in parts.items()
        if layers
    }
    predictions = tuple(
        Prediction(
            each.name,
            each.measured_ms * chance.gauss(1.25, 0.05),
            each.measured_ms * chance.gauss(1.0, 0.04),
            each.measured_ms,
        )
        for each in networks
    )
    epochs = tuple(float(epoch) for epoch in range(1, 31))
    curves = tuple(
        TrainingCurve(
            each.name, epochs, tuple(each.test_accuracy - 0.2 * math.exp(-e / 6) for e in epochs)
        )
        for each in networks[:4]
    )
    return Story(
        title="A network for this laptop",
        date="2025-11-22",
        commit="0123abc",
        device="AMD EPYC 9R14, 1 thread",
        runtime="onnxruntime 1.23, CPU",
        dataset="Fashion-MNIST",
        space="fashion",
        space_size=SPACE.size,
        target_ms=0.6,
        tolerance=0.05,
        searched="searched-0.6ms",
        seed=7,
        command="python -m search --space fashion --target-ms 0.6 --table tables/epyc.json",
        edges=edges,
        networks=networks,
        points=sample_points(edges, chance),
        check=TableCheck(predictions, 0.254, 0.034, 0.981, 0.012, 0.192),
        block_ms={**block_ms, "overhead": 0.03},
        curves=curves,
        seconds={"measure the table": 312.0, "search": 4210.0, "train": 6900.5, "time": 41.2},
        fingerprint={"kernel": "6.1.0", "governor": "performance", "threads": "1"},
        test_images=10_000,
    )


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
