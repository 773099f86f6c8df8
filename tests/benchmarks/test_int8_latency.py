"""The comparison of int8 files: a row per file, each beside the one in float of its runtime."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_file_has_a_time_a_ratio_and_its_integer_layers() -> None:
    words = ["-m", "benchmarks.int8_latency", "resnet20_cifar", "--visits", "4", "--visit-ms", "1"]
    words += ["--spread-s", "0"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = re.findall(
        r"^(\S.*?) +([.\d]+)  ([.\d]+) \(([.\d]+) to ([.\d]+)\) +(\d+) of 22$", done.stdout, re.M
    )
    rows = {name: [float(number) for number in numbers] for name, *numbers in found}
    for name, (ms, ratio, low, high, integer) in rows.items():
        assert ms > 0 and 0 < low <= ratio <= high
        assert integer == 0 if name.startswith("float32") else integer > 0
    assert rows["float32"][1:4] == [1, 1, 1] and rows["int8"][4] == 22
    assert ("int8, OpenVINO" in rows) == (find_spec("openvino") is not None)
    assert "silently changed" not in done.stdout
