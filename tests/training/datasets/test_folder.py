"""Image folders: the laws of streams hold across worker processes, on real photographs too."""

from itertools import islice
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch
from PIL import Image

from training.datasets import open_dataset

PHOTOGRAPHS = Path(__file__).parents[4] / "shared" / "data" / "imagenet_500.zip"
CLASSES, TRAIN, VAL = ("ant", "bee", "cat"), 8, 3


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Pictures with a dark left and a bright right side, of several sizes and modes."""
    root = tmp_path_factory.mktemp("tree")
    for part, count in (("train", TRAIN), ("val", VAL)):
        for label, name in enumerate(CLASSES):
            (root / part / name).mkdir(parents=True)
            for index in range(count):
                width, height = 40 + 4 * index, 52 - 2 * label
                picture = Image.linear_gradient("L").rotate(90).resize((width, height))
                picture = picture.convert(("RGB", "L", "RGBA")[label])
                picture.save(root / part / name / f"{index}.png")
    return str(root)


def test_shape_classes_and_counts(tree: str) -> None:
    data = open_dataset("folder", tree, 32)
    assert str(data.shape) == "3x32x32"
    assert data.class_names == CLASSES
    assert (len(data.train), len(data.test)) == (3 * TRAIN, 3 * VAL)
    assert data.split(6, seed=0).test.labels.bincount().tolist() == [2, 2, 2]


def test_a_stream_entered_at_a_step_is_the_tail_of_the_whole(tree: str) -> None:
    batches = open_dataset("folder", tree, 32).train_batches(5, seed=3)
    assert batches.steps_per_epoch == 4
    before = torch.get_rng_state()
    whole = list(islice(batches.stream(0), 9))
    tail = list(islice(batches.stream(6), 3))
    assert torch.equal(before, torch.get_rng_state())
    for (x, y), (x2, y2) in zip(whole[6:], tail, strict=True):
        assert torch.equal(x, x2) and torch.equal(y, y2)
        assert x.shape == (5, 3, 32, 32) and x.dtype == torch.float32
        assert x.is_contiguous(memory_format=torch.channels_last)


def test_crops_change_with_the_epoch_and_about_half_are_mirrored(tree: str) -> None:
    batches = open_dataset("folder", tree, 32).train_batches(24, seed=3)
    mirrored = []
    for x, _ in islice(batches.stream(0), 4):
        brightness = x.mean((1, 2))
        mirrored.append(brightness[:, 0] > brightness[:, -1])
    share = float(torch.cat(mirrored).float().mean())
    assert 0.3 < share < 0.7
    assert not torch.equal(mirrored[0], mirrored[1])
    never = open_dataset("folder", tree, 32).train_batches(24, seed=3, flip=False)
    brightness = next(never.stream(0))[0].mean((1, 2))
    assert bool((brightness[:, 0] != brightness[:, -1]).any())
    assert len(set((brightness[:, 0] > brightness[:, -1]).tolist())) == 1


def test_evaluation_reads_every_image_once(tree: str) -> None:
    data = open_dataset("folder", tree, 32)
    labels = torch.cat([y for _, y in data.test_batches(4)])
    assert labels.tolist() == [0] * VAL + [1] * VAL + [2] * VAL


def test_a_file_that_is_no_image_is_named(tree: str, tmp_path: Path) -> None:
    for part in ("train", "val"):
        (tmp_path / part / "ant").mkdir(parents=True)
        (tmp_path / part / "ant" / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=r"broken\.png") as caught:
        next(open_dataset("folder", str(tmp_path), 32).test_batches(1))
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_part_or_a_class_in_one_part_only_is_an_error(tree: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train"):
        open_dataset("folder", str(tmp_path), 32)
    for part, name in (("train", "ant"), ("val", "bee")):
        (tmp_path / part / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / part / name / "0.png")
    with pytest.raises(ValueError, match="'ant'"):
        open_dataset("folder", str(tmp_path), 32)


def test_folders_need_no_shift(tree: str) -> None:
    with pytest.raises(ValueError, match="shift"):
        open_dataset("folder", tree, 32).train_batches(4, seed=0, shift=2)


@pytest.mark.skipif(not PHOTOGRAPHS.is_file(), reason=f"no real photographs at {PHOTOGRAPHS}")
def test_real_photographs(tmp_path: Path) -> None:
    with ZipFile(PHOTOGRAPHS) as archive:
        names = [name for name in archive.namelist() if name.endswith(".JPEG")][:24]
        for name in names:
            _, _, wnid, file = name.split("/")
            for part in ("train", "val"):
                (tmp_path / part / wnid).mkdir(parents=True, exist_ok=True)
                (tmp_path / part / wnid / file).write_bytes(archive.read(name))
    data = open_dataset("folder", str(tmp_path), 96)
    assert (data.classes, len(data.test)) == (24, 24)
    x = torch.cat([x for x, _ in data.test_batches(10)])
    assert x.shape == (24, 3, 96, 96)
    assert float(x.mean().abs()) < 0.5 and 0.7 < float(x.std()) < 1.4
    other = data.normalised((0.5,) * 3, (0.5,) * 3)
    y = torch.cat([x for x, _ in other.test_batches(10)])
    assert float(y.min()) >= -1 and float(y.max()) <= 1
    x, labels = next(data.train_batches(12, seed=0).stream(1))
    assert x.shape == (12, 3, 96, 96) and len(set(labels.tolist())) == 12
