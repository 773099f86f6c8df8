"""CIFAR-10 is the same images in every form it comes in; what is no CIFAR-10 is named."""

import pickle
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.shared import shared
from training.datasets import Augmentation, Dataset, Reading, open_dataset, open_test
from training.datasets import cifar10_batches as batches
from training.datasets.cifar10 import CLASSES
from training.datasets.memory import MemoryImages

TRAIN, TEST = 20, 10


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """Two training images and one test image per class, sorted by class."""
    chance = np.random.default_rng(0)
    return {
        "x_train": chance.integers(0, 256, (TRAIN, 3, 32, 32), np.uint8),
        "y_train": np.arange(TRAIN, dtype=np.uint8) // 2,
        "x_test": chance.integers(0, 256, (TEST, 3, 32, 32), np.uint8),
        "y_test": np.arange(TEST, dtype=np.uint8),
    }


def as_archive(folder: Path, arrays: dict[str, np.ndarray]) -> str:
    np.savez(folder / "cifar.npz", **arrays)  # pyright: ignore[reportArgumentType]
    return str(folder / "cifar.npz")


def as_pictures(folder: Path, arrays: dict[str, np.ndarray]) -> str:
    for part in ("train", "test"):
        for index, (pixels, label) in enumerate(
            zip(arrays[f"x_{part}"], arrays[f"y_{part}"], strict=True)
        ):
            (folder / part / CLASSES[label]).mkdir(parents=True, exist_ok=True)
            picture = Image.fromarray(pixels.transpose(1, 2, 0))
            picture.save(folder / part / CLASSES[label] / f"{index:04}.png")
    return str(folder)


class OldArray:
    """Pickles as Python 2 wrote numpy arrays: other module names, bytes as text."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __reduce__(self) -> Any:
        state = (
            1,
            self.array.shape,
            self.array.dtype,
            False,
            self.array.tobytes().decode("latin1"),
        )
        make, _, _ = self.array.__reduce__()[:3]
        return make, (np.ndarray, (0,), "b"), state


def as_batches(folder: Path, arrays: dict[str, np.ndarray], monkeypatch: Any) -> str:
    """torchvision's files, whose checksums the reader is then told."""
    target = folder / batches.FOLDER
    target.mkdir(parents=True)
    half = TRAIN // 2
    cuts = {
        "data_batch_1": ("train", slice(None, half)),
        "data_batch_2": ("train", slice(half, None)),
        "test_batch": ("test", slice(None)),
    }
    known: dict[str, dict[str, str]] = {"train": {}, "test": {}}
    for name, (part, cut) in cuts.items():
        pixels = arrays[f"x_{part}"][cut]
        content = {
            "batch_label": name,
            "data": OldArray(pixels.reshape(len(pixels), -1)),
            "labels": arrays[f"y_{part}"][cut].tolist(),
        }
        data = pickle.dumps(content, protocol=2).replace(b"numpy._core.", b"numpy.core.")
        (target / name).write_bytes(data)
        known[part][name] = md5(data).hexdigest()
    monkeypatch.setattr(batches, "MD5", known)
    return str(folder)


def must_equal(data: Dataset, arrays: dict[str, np.ndarray]) -> None:
    assert (str(data.shape), data.class_names) == ("3x32x32", CLASSES)
    for part, images in (("train", data.train), ("test", data.test)):
        assert isinstance(images, MemoryImages)
        assert torch.equal(images.pixels, torch.from_numpy(arrays[f"x_{part}"]))
        assert images.labels.tolist() == arrays[f"y_{part}"].tolist()


@pytest.mark.parametrize("form", ["archive", "pictures", "batches", "the batches themselves"])
def test_every_form_gives_the_same_images(
    tmp_path: Path, arrays: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    match form:
        case "archive":
            path = as_archive(tmp_path, arrays)
        case "pictures":
            path = as_pictures(tmp_path, arrays)
        case _:
            path = as_batches(tmp_path, arrays, monkeypatch)
    if form == "the batches themselves":
        path = f"{path}/{batches.FOLDER}"
    must_equal(open_dataset("cifar10", path), arrays)


def test_test_images_alone_are_enough_for_a_score(
    tmp_path: Path, arrays: dict[str, np.ndarray]
) -> None:
    as_pictures(tmp_path / "pictures", arrays)
    (tmp_path / "pictures" / "train").rename(tmp_path / "elsewhere")
    only_test = {name: array for name, array in arrays.items() if name.endswith("test")}
    for path in (str(tmp_path / "pictures"), as_archive(tmp_path, only_test)):
        assert len(open_test("cifar10", path).test) == TEST
        with pytest.raises((FileNotFoundError, ValueError), match="train"):
            open_dataset("cifar10", path)


def test_the_real_archive(tmp_path: Path) -> None:
    data = open_dataset("cifar10", str(shared("data/cifar10_lossless_6102.npz")))
    assert (len(data.train), len(data.test)) == (5085, 1017)
    x = torch.cat([x for x, _ in data.train.evaluation_batches(1000)])
    assert x.mean((0, 2, 3)).abs().max() < 0.05
    assert (x.std((0, 2, 3)) - 1).abs().max() < 0.05
    stream = data.train_batches(100, seed=0, augmentation=Augmentation(shift=4)).stream(7)
    assert next(stream)[0].shape == (100, 3, 32, 32)


def test_a_changed_batch_is_noticed_before_it_is_unpickled(
    tmp_path: Path, arrays: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = as_batches(tmp_path, arrays, monkeypatch)
    (tmp_path / batches.FOLDER / "test_batch").write_bytes(b"not even a pickle")
    with pytest.raises(ValueError, match="test_batch is not CIFAR-10's"):
        open_test("cifar10", path)
    (tmp_path / batches.FOLDER / "data_batch_2").unlink()
    with pytest.raises(FileNotFoundError, match="data_batch_2"):
        open_dataset("cifar10", path)


def test_no_code_from_a_batch_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (tmp_path / "was here").touch, ()

    data = pickle.dumps({"data": Evil(), "labels": []})
    (tmp_path / "test_batch").write_bytes(data)
    monkeypatch.setattr(batches, "MD5", {"test": {"test_batch": md5(data).hexdigest()}})
    with pytest.raises(pickle.UnpicklingError, match="is no data"):
        batches.read_batches(tmp_path, "test")
    assert not (tmp_path / "was here").exists()


def test_a_download_is_kept_and_a_failed_one_leaves_nothing(
    tmp_path: Path, arrays: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def fails(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise OSError("no route")

    with pytest.raises(FileNotFoundError, match=r"no route(.|\n)*--path") as caught:
        batches.fetched_batches(fails)
    assert len(str(caught.value).splitlines()) == 2
    home = tmp_path / "cache" / "proxyless_nas"
    assert list(home.iterdir()) == []

    def works(folder: Path) -> None:
        as_batches(folder, arrays, monkeypatch)

    batches.fetched_batches(works)
    must_equal(open_dataset("cifar10"), arrays)  # and asks nobody
    assert [entry.name for entry in home.iterdir()] == ["cifar-10"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"x_test": np.zeros((10, 3, 32, 32), np.float32)}, "x_test is float32"),
        ({"x_test": np.zeros((10, 32, 32, 3), np.uint8)}, r"\[10, 32, 32, 3\]"),
        ({"y_test": np.zeros(9, np.uint8)}, "one whole number per image"),
        ({"y_test": np.full(10, 10, np.uint8)}, "outside 0 to 9"),
        ({"y_test": np.array([object()] * 10)}, "x_test and y_test"),
    ],
)
def test_an_archive_of_something_else_is_named(
    tmp_path: Path, arrays: dict[str, np.ndarray], change: dict[str, np.ndarray], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        open_test("cifar10", as_archive(tmp_path, arrays | change))


def test_what_is_no_cifar_is_named(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz"):
        open_test("cifar10", str(tmp_path / "nowhere.npz"))
    (tmp_path / "torn.npz").write_bytes(Path(as_archive(tmp_path, arrays)).read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"torn\.npz"):
        open_test("cifar10", str(tmp_path / "torn.npz"))
    with pytest.raises(FileNotFoundError, match="no CIFAR-10 in"):
        open_test("cifar10", str(tmp_path))
    path = as_pictures(tmp_path / "pictures", arrays)
    Image.new("RGB", (32, 33)).save(f"{path}/test/frog/large.png")
    with pytest.raises(ValueError, match=r"large\.png has 32x33 pixels"):
        open_test("cifar10", path)
    (Path(path) / "test" / "frog").rename(Path(path) / "test" / "frogs")
    with pytest.raises(ValueError, match=r"frogs is no class of CIFAR-10 \(did you mean frog\?\)"):
        open_test("cifar10", path)
    with pytest.raises(ValueError, match="not of side 64"):
        open_test("cifar10", path, Reading(resolution=64))
