"""The command on a network that has learned, in ONNX Runtime and, where it is, in OpenVINO.

In a process of its own: OpenVINO beside other runtimes in one long process was once seen to crash.
"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from compression.int8.answers import answers_of, in_onnxruntime
from compression.int8.report import Int8Report
from proxyless_nas.files import read_json
from tests.shared import shared
from training.datasets import Reading, open_test

ROOT = Path(__file__).parents[3]
IMAGES = 300


@pytest.mark.slow
def test_a_resnet_that_learned_keeps_its_answers_with_integers(tmp_path: Path) -> None:
    weights = shared("data/distiller/resnet20_cifar10_dense.pth.tar")
    data, out = str(shared("data/cifar10_lossless_6102.npz")), tmp_path / "resnet.onnx"
    words = ["-m", "compression", "int8", "-a", "resnet20_cifar", "--weights", str(weights)]
    words += ["--path", data, "--normalise", "half", "--limit", "100", "--out", str(out)]
    words += ["--test-limit", str(IMAGES), "--always", "--spread-s", "0"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = read_json(tmp_path / "resnet.int8.json", Int8Report)
    rows, right = report.rows, {name: row.answers.right for name, row in report.rows.items()}
    assert right["float32"] >= 0.88 * IMAGES
    for name, row in rows.items():
        assert row.answers.images == IMAGES and row.layers == 22 and row.changed == ()
        assert row.integer == 0 if name.startswith("float32") else row.integer >= 16
        assert abs(right[name] - right["float32"]) <= 0.01 * IMAGES
        assert row.answers.alike >= 0.95 * IMAGES
    assert rows["int8"].integer >= 20 and rows["int8"].bytes < 0.4 * rows["float32"].bytes
    if find_spec("openvino") is None:
        assert report.no_openvino is not None and "pip install" in report.no_openvino
    else:
        assert {"float32 openvino", "int8 openvino"} <= set(rows) and report.no_openvino is None
        assert rows["int8 openvino"].integer >= 20
    assert report.chosen is not None
    exam = open_test("cifar10", data, Reading(resolution=32, normalise="half"), IMAGES)
    asked = answers_of({"it": in_onnxruntime(out.read_bytes())}, exam.test_batches(100))
    assert asked["it"].right == right[report.chosen]
