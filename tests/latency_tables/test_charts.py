"""Laws of a table's charts: they hold every entry, add up, and stand alone as files."""

import xml.etree.ElementTree as xml
from pathlib import Path

import pytest
from msgspec import structs

from latency_tables import LatencyTable, TableLatency
from latency_tables.__main__ import COMMANDS
from latency_tables.charts.entries import slowest_chart, work_chart
from latency_tables.charts.folder import write_charts
from latency_tables.charts.kinds import kinds_of, name_of
from latency_tables.charts.stages import stages_of
from latency_tables.layers import LayerPart
from latency_tables.parts import parse_part
from proxyless_nas import Shape, Space, named_space
from proxyless_nas.command import run_many
from proxyless_nas.drawing.page import svg_file
from proxyless_nas.drawing.svg import disc
from tests.latency_tables.helpers import made_up_table

SPACE = named_space("imagenet-mobile")
SMOKE = named_space("smoke")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def table() -> LatencyTable:
    return made_up_table(SPACE)


def marks(picture: str) -> list[str]:
    """The words that show when a mark is pointed at."""
    return [title.text or "" for title in xml.fromstring(picture).iter(f"{SVG}title")]


def test_every_entry_has_a_mark_with_its_name(table) -> None:
    drawn = marks(svg_file(work_chart(table)))
    for key in table.entries:
        assert any(word.startswith(name_of(parse_part(key))) for word in drawn)


def test_the_slowest_entries_are_drawn_from_the_slowest_down(table) -> None:
    drawn = marks(svg_file(slowest_chart(table)))
    dearest = sorted(table.entries, key=lambda key: -table.entries[key].ms)[: len(drawn)]
    assert [word.partition(":")[0] for word in drawn] == dearest


def test_entries_of_one_kernel_and_expansion_look_alike_and_others_do_not(table) -> None:
    parts = [parse_part(key) for key in table.entries]
    looks = {(kind.class_, kind.name) for kind in kinds_of(parts) if kind.mark is disc}
    assert len({name for _, name in looks}) == len({class_ for class_, _ in looks}) == 6


def test_layers_are_told_apart_by_what_they_do() -> None:
    shape = Shape(8, 7, 7)
    parts = [
        LayerPart("conv", shape, 8),
        LayerPart("conv", shape, 16),
        LayerPart("add", shape, 8),
        LayerPart("conv", shape, 8, 3, 1, groups=8),
    ]
    first, second, *others = kinds_of(parts)
    assert first == second and len({first, *others}) == 3


@pytest.mark.parametrize("option", [0, 3])
def test_the_stages_of_a_network_add_up_to_its_prediction(table, option) -> None:
    spec = SPACE.network([option] * len(SPACE.searched))
    stages = stages_of(table, spec)
    total = sum(stage.ms for stage in stages)
    assert total == pytest.approx(TableLatency(table).network(spec))
    assert [s.size for s in stages[:2]] == ["112 x 112", "56 x 56"]
    assert [name for stage in stages for name in stage.names] == [n for n, _, _ in spec.placed()]


def test_the_stages_of_a_space_are_the_mean_over_its_candidates(table) -> None:
    cost = TableLatency(table)
    total = sum(stage.ms for stage in stages_of(table, SPACE))
    edges = sum(
        sum(cost.block(block, shape) for block in edge.examples()) / len(edge.examples())
        for edge, shape in SPACE.placed()
    )
    ends = sum(
        cost.block(block, shape)
        for name, block, shape in SPACE.network([0] * 21).placed()
        if not name.startswith("blocks")
    )
    assert total == pytest.approx(cost.fixed() + edges + ends)


def test_a_space_and_its_only_network_have_the_same_stages() -> None:
    spec = SMOKE.network([1, 2, 3, 4])
    edges = tuple(structs.replace(edge, candidates=(block,))
                  for edge, block in zip(SMOKE.edges, spec.blocks, strict=True))  # fmt: skip
    only = Space("only", SMOKE.input, SMOKE.stem, edges, SMOKE.mix, SMOKE.classifier)
    table = made_up_table(SMOKE)
    assert stages_of(table, only) == stages_of(table, spec)


def test_pictures_are_files_that_need_nothing_else(table, tmp_path) -> None:
    said = write_charts(table, tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    files = {file.name for file in folder.iterdir()}
    assert files == {"table.html", "work.svg", "slowest.svg", "stages.svg"}
    assert all(name in said[-1] for name in files)
    for file in folder.glob("*.svg"):
        root = xml.fromstring(file.read_text())
        assert root.tag == f"{SVG}svg" and float(root.attrib["width"]) > 0
        assert "var(" not in file.read_text() and "href" not in file.read_text()
    page = (folder / "table.html").read_text()
    assert page.count("<h2>") == 3 and "href" not in page and "src=" not in page


def test_a_table_that_lacks_a_part_of_its_space_draws_the_rest_and_says_so(tmp_path) -> None:
    whole = made_up_table(SMOKE)
    keys = list(whole.entries)[:5]
    part = structs.replace(whole, entries={key: whole.entries[key] for key in keys})
    said = write_charts(part, tmp_path)
    assert "no chart of stages" in said[0] and not Path(tmp_path / "stages.svg").exists()
    with pytest.raises(LookupError):
        write_charts(part, tmp_path, SMOKE.network([0, 0, 0, 0]))


def test_show_draws_only_when_told_where(table, tmp_path, capsys) -> None:
    table.save(tmp_path / "t.json")
    words = ["show", "--table", str(tmp_path / "t.json")]
    with pytest.raises(SystemExit) as end:
        run_many("python -m latency_tables", COMMANDS, [*words, "--plots", str(tmp_path / "p")])
    assert not end.value.code and "table.html" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        run_many("python -m latency_tables", COMMANDS, [*words, "--network", "proxyless_cpu"])
    assert end.value.code == 2 and "--plots" in capsys.readouterr().err
