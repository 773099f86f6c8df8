"""What is written and what is refused, given what was measured."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from compression.int8.answers import Answers
from compression.int8.command import Int8Config, run_int8, settle
from compression.int8.report import Int8Report, Row, fastest, is_faster
from proxyless_nas.files import read_json

FILES = {"float32": b"float", "int8": b"int8", "mixed": b"mixed"}


def row(ms: float, **more) -> Row:
    told = {"runtime": "onnxruntime", "spread": 0.01, "bytes": 9, "integer": 3, "layers": 4} | more
    return Row(answers=Answers(200, 150, 190), ms=ms, **told)


def report(chosen: str | None, **more) -> Int8Report:
    rows = {"float32": row(1.0), "int8": row(1.3), "mixed": row(1.2)}
    told = {"rows": rows, "no_openvino": None, "slower": (), "kept": (), "tried": {}} | more
    return Int8Report(narrow=True, chosen=chosen, contended=None, **told)


def test_the_fastest_file_is_that_of_onnx_runtime_and_never_the_one_in_float() -> None:
    rows = report(None).rows | {"int8 openvino": row(0.1, runtime="openvino")}
    assert fastest(rows) == "mixed"
    assert fastest(rows | {"int8": row(1.1)}) == "int8"


def test_faster_means_by_more_than_the_measurement_does_not_know() -> None:
    assert is_faster(row(0.95), row(1.0))
    assert not is_faster(row(0.95, spread=0.06), row(1.0))
    assert not is_faster(row(0.95), row(1.0, spread=0.06))
    assert not is_faster(row(1.0, spread=0.0), row(1.0, spread=0.0))


@pytest.mark.parametrize("before", [None, b"an older file"])
def test_what_is_slower_is_refused_and_nothing_is_written(before, tmp_path: Path) -> None:
    out = tmp_path / "network.onnx"
    if before is not None:
        out.write_bytes(before)
    there = sorted(tmp_path.iterdir())
    with pytest.raises(ValueError, match=r"mixed takes 1.20 times .* nothing was written.*always"):
        settle(report(None), FILES, str(out))
    assert sorted(tmp_path.iterdir()) == there
    assert before is None or out.read_bytes() == before


def test_the_chosen_file_is_written_with_its_report_and_nothing_else(tmp_path: Path) -> None:
    spec = tmp_path / "network.json"
    spec.write_text("a network's description may have the file's name")
    out = tmp_path / "network.onnx"
    settle(report("mixed"), FILES, str(out))
    assert out.read_bytes() == b"mixed"
    assert read_json(tmp_path / "network.int8.json", Int8Report) == report("mixed")
    assert spec.read_text().startswith("a network's")
    assert len(list(tmp_path.iterdir())) == 3


def test_all_that_matters_is_told() -> None:
    rows = {
        "float32": row(1.0),
        "int8": row(0.5, changed=("stem (float became int8 of 1 step)",)),
        "float32 openvino": row(2.0, runtime="openvino"),
        "int8 openvino": row(0.5, runtime="openvino"),
    }
    told = report("int8", rows=rows, slower=("a", "b"), kept=("c",), no_openvino="not there").told()
    lines = {line.split("  ")[0]: line for line in told.splitlines()}
    assert lines["int8"].split()[1:] == ["75.00%", "95.00%", "0.5000", "2.00", "3", "of", "4", "9"]
    assert lines["int8 openvino"].split()[5] == "4.00"  # beside float in the same runtime
    for words in ("slower in int8: a, b", "in float in the mixed file: c", "not there",
                  "silently changed in int8: stem (float became int8 of 1 step)"):  # fmt: skip
        assert words in told
    assert "7 bits, 8 in depthwise" in told
    assert "of 8 bits" in replace(report("int8"), narrow=False).told()


def test_a_name_that_is_not_onnx_and_a_network_that_has_learned_nothing_are_refused() -> None:
    for name in ("network.pt", "network", "onnx"):
        with pytest.raises(ValueError, match=r"must end with \.onnx"):
            Int8Config(arch="resnet20_cifar", out=name)
    with pytest.raises(ValueError, match="has learned nothing"):
        run_int8(Int8Config(arch="resnet20_cifar", out="never.onnx"))
    assert not Path("never.onnx").exists()
