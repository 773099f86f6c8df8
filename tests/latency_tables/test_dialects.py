"""Laws of tables that others wrote: what their keys mean, and that nothing is lost unsaid."""

import pytest
from msgspec import structs

from latency_tables import LatencyTable, signature
from latency_tables.__main__ import COMMANDS
from latency_tables.dialects import DIALECTS, key_of, recognise
from latency_tables.exporting import export_table
from latency_tables.importing import Imported, import_table
from proxyless_nas import Classifier, Conv, MBConv, Shape, named_space
from proxyless_nas.command import run_many
from tests.latency_tables.helpers import made_up_table

SPACE = named_space("imagenet-mobile")
FIRST = "expanded_conv-input:112x112x32-output:112x112x16-expand:1-kernel:3-stride:1-idskip:0"
MBV3 = """
Conv-input:160x160x3-output:80x80x16: {mean: 1.5, std: 0.1, count: 500}
expanded_conv-input:80x80x16-output:80x80x16-expand:16-kernel:3-stride:1-idskip:1-se:0-hs:0:
  {mean: 1.25, std: 0.2, count: 500}
expanded_conv-input:20x20x40-output:20x20x40-expand:120-kernel:5-stride:1-idskip:1-se:1-hs:0:
  {mean: 0.75, std: 0.05, count: 90}
expanded_conv-input:5x5x160-output:3x3x160-expand:960-kernel:5-stride:2-idskip:0-se:1-hs:1:
  {mean: 0.5}
Conv_1-input:5x5x160-output:5x5x960: {mean: 0.4, std: 0.01, count: 500}
AvgPool2D-input:5x5x960-output:1x1x960: {mean: 0.02, std: 0.01, count: 500}
Conv_2-input:1x1x960-output:1x1x1280: {mean: 0.3, std: 0.01, count: 500}
Logits-input:1x1x1280-output:1000: {mean: 0.2, std: 0.01, count: 500}
"""
CSV = """224x224x3-112x112x32-stride:2,4.5
112x112x16-56x56x24-expand:3-kernel:5-stride:2,7.25
56x56x24-56x56x24-expand:6-kernel:7-stride:1,18.5
56x56x24-56x56x24-expend:6-kernel:7-stride:1,8.1234567
7x7x320-7x7x1280-stride:1,3.0
7x7x1280-1000,0.3
"""


def written(tmp_path, text: str, name: str = "table.yaml") -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def imported(tmp_path, text: str, **given) -> Imported:
    return import_table(written(tmp_path, text), space=SPACE.name, device="a phone", **given)


def test_once_for_alls_keys_mean_blocks_with_gates_and_h_swish(tmp_path) -> None:
    result = imported(tmp_path, MBV3)
    assert result.table.head.dialect == "ofa"
    blocks = [
        (Conv(16, 3, 2, "hswish"), Shape(3, 160, 160), 1.5),
        (MBConv(16, None, 3, 1, True, "relu"), Shape(16, 80, 80), 1.25),
        (MBConv(40, 120, 5, 1, True, "relu", 32), Shape(40, 20, 20), 0.75),
        (MBConv(160, 960, 5, 2, False, "hswish", 240), Shape(160, 5, 5), 0.5),
        (Conv(960, 1, 1, "hswish"), Shape(160, 5, 5), 0.4),
        (Classifier(1000), Shape(1280, 1, 1), 0.2),
    ]
    expected = {signature(block, shape): ms for block, shape, ms in blocks}
    assert {key: entry.ms for key, entry in result.table.entries.items()} == expected
    assert result.priced == 0


def test_keys_that_mean_no_block_are_named_with_the_reason(tmp_path, capsys) -> None:
    result = imported(tmp_path, MBV3)
    assert {key.partition("-")[0] for key in result.strange} == {"AvgPool2D", "Conv_2"}
    words = f"--space imagenet-mobile --device phone --out {tmp_path / 't.json'}".split()
    file = written(tmp_path, MBV3)
    with pytest.raises(SystemExit) as end:
        run_many("python -m latency_tables", COMMANDS, ["import", "--file", file, *words])
    said = capsys.readouterr().out
    assert not end.value.code and "not understood and are left out: 2" in said
    assert all(key in said and why in said for key, why in result.strange.items())
    assert LatencyTable.load(tmp_path / "t.json").entries == result.table.entries


def test_a_line_per_key_is_read_and_a_misspelt_key_is_not_guessed(tmp_path) -> None:
    result = imported(tmp_path, CSV)
    assert result.table.head.dialect == "csv"
    blocks = [
        (Conv(32, 3, 2), Shape(3, 224, 224)),
        (MBConv(24, 48, 5, 2), Shape(16, 112, 112)),
        (MBConv(24, 144, 7, 1, True), Shape(24, 56, 56)),
        (Conv(1280), Shape(320, 7, 7)),
        (Classifier(1000), Shape(1280, 7, 7)),
    ]
    assert set(result.table.entries) == {signature(*placed) for placed in blocks}
    assert [key for key in result.strange if "expend" in key] == list(result.strange)


@pytest.mark.parametrize("output", ["6x6", "7x7"])
def test_odd_sides_are_halved_to_either_neighbour_and_mean_one_convolution(output) -> None:
    key = f"expanded_conv-input:13x13x8-output:{output}x16-expand:3-kernel:3-stride:2-idskip:0"
    assert DIALECTS["proxyless"].block(key) == (MBConv(16, 24, 3, 2), Shape(8, 13, 13))


def test_each_dialect_writes_odd_sides_as_its_own_program_asks_for_them() -> None:
    block, shape = MBConv(16, 24, 3, 2), Shape(8, 13, 13)
    assert "output:6x6x16" in key_of(DIALECTS["proxyless"], block, shape)
    with_relu = structs.replace(block, activation="relu")
    assert "output:7x7x16" in key_of(DIALECTS["ofa"], with_relu, shape)


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        ("proxyless", "smoke"),
        ("proxyless", "fashion"),
        ("proxyless", "imagenet-mobile-w0.75-r160"),
        ("csv", "fashion"),
        ("csv", "imagenet-mobile"),
    ],
)
def test_what_was_written_reads_back_as_the_same_blocks_and_prices(tmp_path, dialect, name) -> None:
    table = made_up_table(named_space(name))
    text = export_table(table, dialect).text
    assert recognise(text).name == dialect
    assert prices(imported(tmp_path, text)) == {k: e.ms for k, e in table.entries.items()}
    assert "var" not in text and "std" not in text  # a measured entry has no deviation


def test_once_for_alls_table_survives_being_written_and_read(tmp_path) -> None:
    first = imported(tmp_path, MBV3)
    again = imported(tmp_path, export_table(first.table, "ofa").text)
    assert prices(again) == prices(first) and not again.strange
    assert [e.std_ms for e in again.table.entries.values()].count(None) == 1


def test_a_block_without_a_word_is_refused_or_left_out_by_name(tmp_path) -> None:
    first = imported(tmp_path, MBV3)
    with pytest.raises(ValueError, match=r"no word for 5 of the 6.*--skip-unknown"):
        export_table(first.table, "csv")
    rest = export_table(first.table, "csv", skip_unknown=True)
    assert rest.entries == 1 and len(rest.left_out) == 5
    for key in rest.left_out:
        with pytest.raises(ValueError, match=key):
            export_table(first.table, "csv")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no dialect"),
        ("hello", "no dialect"),
        ("a: {mean: 1.0}", "no key is understood"),
        ("{", "not YAML"),
        (f"{FIRST}: {{count: 3}}", "has no mean"),
        (f"{FIRST}: {{mean: -1}}", "not a time above 0"),
        (f"{FIRST}: {{mean: .nan}}", "not a time above 0"),
        (f"{FIRST}: {{mean: 1, var: -1}}", "no spread"),
        (f"{FIRST}: {{mean: 1, count: x}}", "no count"),
        (f"{FIRST}: {{mean: 1}}\n{FIRST}: {{mean: 2}}", "twice"),
        (f"{FIRST}: {{mean: 1}}".replace("stride:1", "stride:0"), "no dialect"),
        ("7x7x1280-1000,fast", "not a time above 0"),
        ("7x7x1280-1000,1\n7x7x1280-1000,2", "twice"),
    ],
)
def test_a_file_that_says_nothing_or_too_much_is_an_error_that_names_it(
    tmp_path, text, why
) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        imported(tmp_path, text)
    assert "table.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_two_keys_for_one_block_are_not_averaged(tmp_path) -> None:
    key = "expanded_conv-input:13x13x8-output:{}x16-expand:3-kernel:3-stride:2-idskip:0"
    lines = [f"{key.format(side)}: {{mean: 1}}" for side in ("6x6", "7x7")]
    with pytest.raises(ValueError, match="both mean the block mbconv-in8x13x13"):
        imported(tmp_path, "\n".join(lines))


def test_a_dialect_that_was_asked_for_is_kept_to(tmp_path) -> None:
    with pytest.raises(ValueError, match="no key means a block in dialect ofa"):
        imported(tmp_path, f"{FIRST}: {{mean: 1}}", dialect="ofa")


def test_a_table_that_is_there_is_replaced_only_when_told(tmp_path, capsys) -> None:
    out = tmp_path / "t.json"
    out.write_text("precious")
    file = written(tmp_path, CSV)
    words = f"import --file {file} --space imagenet-mobile --device phone --out {out}".split()
    with pytest.raises(SystemExit):
        run_many("python -m latency_tables", COMMANDS, words)
    assert "--fresh" in capsys.readouterr().err and out.read_text() == "precious"
    with pytest.raises(SystemExit):
        run_many("python -m latency_tables", COMMANDS, [*words, "--fresh"])
    assert len(LatencyTable.load(out).entries) == 5


def prices(result: Imported) -> dict[str, float]:
    return {key: entry.ms for key, entry in result.table.entries.items()}
