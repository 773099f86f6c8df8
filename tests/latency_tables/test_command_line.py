"""Laws of the command line: its errors, and the whole story in real processes."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from latency_tables import LatencyTable
from latency_tables.__main__ import COMMANDS
from latency_tables.graph import to_onnx
from latency_tables.items import SENTINEL_BLOCK, network_model
from latency_tables.networks import measure_networks
from latency_tables.protocol import Protocol
from latency_tables.report import CheckReport
from latency_tables.runtimes import OnnxRuntime
from latency_tables.show import listing
from proxyless_nas import BatchNorm, named_space
from proxyless_nas.command import run_many
from proxyless_nas.files import read_json

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "latency_tables"]


def call(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def complaint(words: list[str], capsys) -> str:
    """What a failing command says, in at most two lines, before it ends with 2."""
    with pytest.raises(SystemExit) as end:
        run_many("python -m latency_tables", COMMANDS, words)
    said = capsys.readouterr().err
    assert end.value.code == 2 and 1 <= len(said.splitlines()) <= 2
    return said


BRIEF = ("--min-visits", 4, "--max-visits", 8, "--spread-s", 0)


@pytest.mark.slow
def test_measure_check_and_show_tell_one_story(tmp_path) -> None:
    out = tmp_path / "t.json"
    first = call("measure", "--space", "smoke", "--out", out, *BRIEF)
    assert first.returncode == 0, first.stderr
    words = ["check", "--table", out, "--fit", 8, "--test", 6, "--visits", 6, "--per-width", 3]
    checked = call(
        *words, "--allow-contended", "--max-mape", 1e-9
    )  # no device is that good: written, then refused
    assert checked.returncode == 2 and "--max-mape" in checked.stderr
    assert "calibrated" in checked.stdout
    report = read_json(f"{out}.check.json", CheckReport)
    assert [one.role for one in report.networks].count("test") == 6
    assert len(report.networks) == 8 + 6 + 2 * 3
    assert {one.name for one in report.elsewhere} >= {"at width 0.75", "at width 1.25"}
    table = LatencyTable.load(out, allow_contended=True)
    assert table.calibration == report.calibration
    listed = "\n".join(listing(table))
    assert all(key in listed for key in table.entries)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["measure", "--space", "fashoin", "--out", "x.json"], "did you mean fashion"),
        (["measure", "--space", "smoke", "--output", "x.json"], "--out"),
        (["measure", "--space", "smoke"], "--out"),
        (["mesure"], "did you mean measure"),
        (["show", "--table", "/nowhere/t.json"], "latency_tables measure"),
        (["measure", "--space", "smoke", "--out", "x.json", "--tolerance", "0"], "tolerance"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_two_lines_at_most(words, expected, capsys) -> None:
    assert expected in complaint(words, capsys)


def test_a_broken_table_ends_with_2_and_two_lines_at_most(tmp_path, capsys) -> None:
    (tmp_path / "t.json").write_text('{"head": {')
    for word in ("show", "check"):
        said = complaint([word, "--table", str(tmp_path / "t.json")], capsys)
        assert "t.json" in said and "measure it again" in said


@pytest.mark.slow
def test_a_spec_its_onnx_bytes_and_its_file_are_all_timed(tmp_path) -> None:
    spec = named_space("smoke").network([0, 0, 0, 0])
    data = to_onnx(spec.build(seed=0).eval(), spec.input).SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    timed = measure_networks(
        [spec, data, path, str(path)], visits=4, protocol=Protocol(visit_ms=1, spread_s=0)
    )
    assert len({one.name for one in timed}) == 4
    for one in timed:
        assert 0 < one.p10_ms <= one.p50_ms <= one.p90_ms and one.visits == 4
        assert one.halves >= 0 and one.sentinel_ms > 0


@pytest.mark.parametrize("wrong", ["none.onnx", b"nonsense"])
def test_what_is_no_onnx_model_is_a_value_error(wrong) -> None:
    with pytest.raises(ValueError, match=r"ONNX|onnx"):
        OnnxRuntime().prepare(network_model(wrong))


def test_the_sentinel_can_be_built_and_the_runtime_says_what_it_is() -> None:
    block, shape = SENTINEL_BLOCK
    assert block.build(shape, BatchNorm())
    info = OnnxRuntime().info()
    assert info.name == "onnxruntime" and info.version
    assert msgspec.json.decode(msgspec.json.encode(info), type=type(info)) == info
