"""No dialect claims a file of ours or of another tool, and each its own."""

from pathlib import Path

import pytest

from compression.readers import READERS, Like, guess, guessed, read_as
from proxyless_nas.described.network import LIBRARY
from tests.compression.readers.decent_p.test_reading import CONFIG, DARKNET
from tests.compression.readers.pocketflow.test_flags import SCRIPT_OF_TWO_LINES
from tests.compression.readers.running import subject
from tests.compression.readers.test_reading import WHOLE

ROOT = Path(__file__).parents[3]
EXAMPLES, NETWORKS = sorted((ROOT / "examples").glob("*/*.yaml")), sorted(LIBRARY.rglob("*.yaml"))
NETWORK = """\
name: "own"
layer { name: "conv1" type: "Convolution" top: "conv1" convolution_param { num_output: 8 } }
layer { name: "acc" type: "Accuracy" top: "top1" include { phase: TEST } }
"""
SOLVER = 'net: "own.prototxt"\nbase_lr: 0.01\ntest_iter: 100\nsolver_mode: GPU\n'
CELL = "[convolutional]\nbatch_normalize=1\nfilters=32\n\n[yolo]\nmask = 0,1,2\n"
SCRIPT = "#!/bin/bash\npython main.py --arch resnet20_cifar --compress run_local.yaml\n"


def claimants(text: str) -> list[Like]:
    return [name for name, reader in READERS.items() if reader.claims(text)]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_files_of_ours_are_claimed_by_nobody(file: Path) -> None:
    assert claimants(file.read_text()) == []


@pytest.mark.parametrize("file", NETWORKS, ids=lambda file: file.name)
def test_networks_are_claimed_by_no_other_tool(file: Path) -> None:
    assert set(claimants(file.read_text())) <= {"mayo"}  # they are in its language


@pytest.mark.parametrize("text", [NETWORK, SOLVER, CELL, SCRIPT, "", "steps: []", "{}"])
def test_other_files_are_claimed_by_nobody(text: str) -> None:
    assert guessed(text) is None and claimants(text) == []


@pytest.mark.parametrize(
    "text, like",
    [
        (WHOLE, "distiller"),
        (SCRIPT_OF_TWO_LINES, "pocketflow"),
        (CONFIG, "decent_p"),
        (DARKNET, "decent_p"),
    ],
)
def test_each_file_is_claimed_by_its_own(text: str, like: str) -> None:
    assert guess(text, "file") == like
    assert claimants(text) == [like]


@pytest.mark.parametrize("like", ["distiller", "pocketflow", "decent_p"])
def test_two_files_are_not_one(like: Like, tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("one", "two")]
    with pytest.raises(ValueError, match=r"is one file, not 2"):
        read_as(files, subject(), like)
