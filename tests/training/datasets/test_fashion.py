"""Fashion-MNIST is complete and real wherever it comes from, and its absence is one clear error."""

import gzip
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from training.datasets import open_dataset
from training.datasets.debian import unpack_package
from training.datasets.fashion import FASHION
from training.datasets.idx_files import find


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    """The real files, from wherever this machine has them."""
    try:
        return find(FASHION)
    except OSError as error:
        pytest.skip(f"no Fashion-MNIST and no network: {error}")


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "proxyless_nas" / "fashion-mnist"


def copy_to(folder: Path, files: dict[str, Path]) -> None:
    folder.mkdir(parents=True)
    for file in files.values():
        shutil.copy(file, folder)


def test_all_70000_images_are_there(files: dict[str, Path]) -> None:
    data = open_dataset("fashion")
    assert str(data.shape) == "1x28x28"
    assert data.train.labels.bincount().tolist() == [6000] * 10
    assert data.test.labels.bincount().tolist() == [1000] * 10


def test_normalised_training_images_have_zero_mean_and_unit_deviation(
    files: dict[str, Path],
) -> None:
    x, _ = next(open_dataset("fashion").train.evaluation_batches(60_000))
    assert abs(float(x.mean())) < 1e-3
    assert abs(float(x.std()) - 1) < 1e-3


@pytest.mark.parametrize("below", ["", "FashionMNIST/raw"])
def test_a_given_path_is_enough(
    files: dict[str, Path], tmp_path: Path, empty_cache: Path, below: str
) -> None:
    copy_to(tmp_path / "data" / below, files)
    assert len(open_dataset("fashion", str(tmp_path / "data")).test) == 10_000
    assert not empty_cache.exists()


def test_unpacked_files_do_as_well(files: dict[str, Path], tmp_path: Path) -> None:
    copy_to(tmp_path / "data", files)
    for packed in (tmp_path / "data").glob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    assert len(open_dataset("fashion", str(tmp_path / "data")).train) == 60_000


def test_a_changed_pixel_is_noticed(files: dict[str, Path], tmp_path: Path) -> None:
    copy_to(tmp_path / "data", files)
    packed = tmp_path / "data" / "t10k-images-idx3-ubyte.gz"
    pixels = bytearray(gzip.decompress(packed.read_bytes()))
    pixels[-1] ^= 1
    packed.write_bytes(gzip.compress(bytes(pixels), 1))
    with pytest.raises(ValueError, match="t10k-images"):
        open_dataset("fashion", str(tmp_path / "data"))


def test_a_torn_file_is_noticed(files: dict[str, Path], tmp_path: Path) -> None:
    copy_to(tmp_path / "data", files)
    packed = tmp_path / "data" / "train-labels-idx1-ubyte.gz"
    packed.write_bytes(packed.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged"):
        open_dataset("fashion", str(tmp_path / "data"))


def test_a_path_without_the_files_is_an_error_and_nothing_is_fetched(
    tmp_path: Path, empty_cache: Path
) -> None:
    with pytest.raises(FileNotFoundError, match="train-images"):
        open_dataset("fashion", str(tmp_path))
    assert not empty_cache.exists()


def test_an_installed_package_is_used_where_it_lies(
    files: dict[str, Path], tmp_path: Path, empty_cache: Path
) -> None:
    copy_to(tmp_path / "installed", files)
    found = find(replace(FASHION, installed=tmp_path / "installed", downloads={}))
    assert {file.parent for file in found.values()} == {tmp_path / "installed"}
    assert not empty_cache.exists()


def test_a_download_is_kept_and_not_repeated(
    files: dict[str, Path], tmp_path: Path, empty_cache: Path
) -> None:
    fetched: list[Path] = []

    def works(folder: Path) -> None:
        fetched.append(folder)
        copy_to(folder / "FashionMNIST" / "raw", files)

    def fails(folder: Path) -> None:
        raise OSError("no route")

    for _ in range(2):
        there = {"first": fails, "second": works}
        found = find(replace(FASHION, installed=None, downloads=there))
        assert {file.parent for file in found.values()} == {empty_cache}
    assert len(fetched) == 1
    assert [entry.name for entry in empty_cache.parent.iterdir()] == ["fashion-mnist"]


def test_a_damaged_download_never_reaches_the_cache(tmp_path: Path, empty_cache: Path) -> None:
    def lies(folder: Path) -> None:
        for name in FASHION.sha256:
            (folder / name).write_bytes(b"\0\0\x08\x01\0\0\0\x01x")

    with pytest.raises(FileNotFoundError, match="is not Fashion-MNIST"):
        find(replace(FASHION, installed=None, downloads={"a liar": lies}))
    assert not empty_cache.exists()


def test_when_nothing_works_the_error_names_three_ways_out(
    tmp_path: Path, empty_cache: Path
) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        find(replace(FASHION, installed=None, downloads={}))
    message = str(caught.value)
    assert len(message.splitlines()) == 2
    for way in ("--path", "apt install dataset-fashion-mnist", "network"):
        assert way in message


def test_a_machine_without_apt_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match="no apt-get"):
        unpack_package("dataset-fashion-mnist", tmp_path / "target")


def test_what_apt_complains_about_reaches_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho 'E: the mirror is on fire' >&2\nexit 100\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(OSError, match="the mirror is on fire"):
        unpack_package("dataset-fashion-mnist", tmp_path / "target")


@pytest.mark.slow
def test_apt_get_brings_the_real_files_into_an_empty_cache(empty_cache: Path) -> None:
    if shutil.which("apt-get") is None:
        pytest.skip("no apt-get on this machine")
    try:
        socket.create_connection(("deb.debian.org", 80), timeout=5).close()
    except OSError as error:
        pytest.skip(f"Debian's mirror cannot be reached: {error}")
    program = (
        "from msgspec.structs import replace; from training.datasets.fashion import FASHION;"
        "from training.datasets.idx_files import find; one = FASHION.downloads['apt-get'];"
        "find(replace(FASHION, installed=None, downloads={'apt-get': one}))"
    )
    system_lists = Path("/var/lib/apt/lists")
    before = sorted(system_lists.iterdir()) if system_lists.is_dir() else []
    subprocess.run([sys.executable, "-c", program], check=True, timeout=240)
    assert sorted(file.name for file in empty_cache.iterdir()) == sorted(
        f"{name}.gz" for name in FASHION.sha256
    )
    assert (sorted(system_lists.iterdir()) if system_lists.is_dir() else []) == before
