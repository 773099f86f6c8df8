"""The main road, walked on a slice of the data: what `make smoke` does."""

import json
import re
from pathlib import Path

import onnxruntime
import pytest

from examples.main_road.compressing import Wish
from latency_tables.table import LatencyTable
from proxyless_nas import load_spec
from proxyless_nas.files import read_json
from proxyless_nas.weights import load_weights
from tests.commands.helpers import ROOT, run_here, run_well, well


def smoke_flags() -> list[str]:
    """The flags of the Makefile's smoke target, so that both are one thing."""
    text = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    found = re.search(r"^SMOKE := (.*)$", text, re.MULTILINE)
    assert found is not None
    return found.group(1).split()


def rows(printed: str, networks: set[str]) -> list[list[str]]:
    """Name, accuracy and measured latency of each line of the demo's table."""
    table = [line.split() for line in printed.splitlines() if "%" in line]
    return [words[:3] for words in table if words[0] in networks]


@pytest.mark.slow
@pytest.mark.timeout(600)  # it measures for two minutes, and others may share the cores
def test_it_leaves_a_network_its_proof_and_a_report_and_continues(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ["-m", "examples.main_road", *smoke_flags(), "--out", out]
    printed = run_well(*words)
    spec = load_spec(str(out / "spec.json"))
    load_weights(spec.build(), out / "weights.pt")
    onnxruntime.InferenceSession(out / "model.onnx", providers=["CPUExecutionProvider"])
    assert LatencyTable.load(out / "table.json", allow_contended=True).calibration is not None
    networks = {folder.name for folder in (out / "networks").iterdir()}
    assert networks == {"searched", "hand-made-1", "random-1"}
    for name in networks:
        assert re.search(rf"^{name} .*%", printed, re.MULTILINE), printed
    stages = [json.loads(line)["stage"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert stages == ["table", "search", "train", "compress", "export", "measure", "report"]
    page = (out / "report.html").read_text()
    assert all(name in page for name in networks)
    compressed = [folder for folder in (out / "compressed").iterdir()]
    ends = [
        (each / "report.json").exists() != (each / "refused.json").exists() for each in compressed
    ]
    assert len(compressed) == 3 and all(ends) and "Search, compression, or both" in page
    assert all(each.name.replace("-at-", " at ") in page for each in compressed)
    *_, first, second = read_json(out / "wishes.json", list[Wish])
    begun = out / "compressed" / second.name.replace(" ", "-") / "config.json"
    layers = out / "networks" / first.network / "layers.json"  # measured once, for both
    assert first.network == second.network and layers.stat().st_mtime <= begun.stat().st_mtime
    assert not any((each / "layers.json").exists() for each in compressed)
    assert list((out / "search" / "tensorboard").iterdir())

    # whoever checks the table later, with other networks, does not change what was found
    flags = ["--fit", 6, "--test", 8, "--allow-contended"]  # other tests may share the cores
    well(run_here("-m", "latency_tables", "check", "--table", out / "table.json", *flags))
    before = (out / "networks" / "searched" / "weights.pt").stat().st_mtime_ns
    again = run_well(*words)
    assert again.count("done before") == 6
    assert rows(again, networks) == rows(printed, networks)
    assert (out / "networks" / "searched" / "weights.pt").stat().st_mtime_ns == before

    flags = ["--arch", out / "spec.json", "--table", out / "table.json", "--limit", "500"]
    flags.append("--allow-contended")
    scored = well(run_here("eval.py", *flags, "--measure"))
    assert f"{spec.macs:,}" in scored
    assert f"{spec.parameters:,}" in scored
    assert "measured latency" in scored and "predicted latency" in scored
