"""Image folders: the laws of streams hold across worker processes, on real photographs too."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch
from PIL import Image

from tests.shared import shared
from training.datasets import Augmentation, Exam, Reading, open_dataset, open_test

AT_32 = Reading(resolution=32)
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
    data = open_dataset("folder", tree, AT_32)
    assert str(data.shape) == "3x32x32"
    assert data.class_names == CLASSES
    assert (len(data.train), len(data.test)) == (3 * TRAIN, 3 * VAL)
    assert data.split(6, seed=0).test.labels.bincount().tolist() == [2, 2, 2]


def test_a_stream_entered_at_a_step_is_the_tail_of_the_whole(tree: str) -> None:
    batches = open_dataset("folder", tree, AT_32).train_batches(5, seed=3)
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
    batches = open_dataset("folder", tree, AT_32).train_batches(24, seed=3)
    mirrored = []
    for x, _ in islice(batches.stream(0), 4):
        brightness = x.mean((1, 2))
        mirrored.append(brightness[:, 0] > brightness[:, -1])
    share = float(torch.cat(mirrored).float().mean())
    assert 0.3 < share < 0.7
    assert not torch.equal(mirrored[0], mirrored[1])
    never = open_dataset("folder", tree, AT_32).train_batches(24, 3, Augmentation(flip=False))
    brightness = next(never.stream(0))[0].mean((1, 2))
    assert bool((brightness[:, 0] != brightness[:, -1]).any())
    assert len(set((brightness[:, 0] > brightness[:, -1]).tolist())) == 1


def test_evaluation_reads_every_image_once(tree: str) -> None:
    data = open_dataset("folder", tree, AT_32)
    labels = torch.cat([y for _, y in data.test_batches(4)])
    assert labels.tolist() == [0] * VAL + [1] * VAL + [2] * VAL


def test_a_file_that_is_no_image_is_named(tree: str, tmp_path: Path) -> None:
    for part in ("train", "val"):
        (tmp_path / part / "ant").mkdir(parents=True)
        (tmp_path / part / "ant" / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=r"broken\.png") as caught:
        next(open_dataset("folder", str(tmp_path), AT_32).test_batches(1))
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_part_or_a_class_in_one_part_only_is_an_error(tree: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no class folders"):
        open_dataset("folder", str(tmp_path), AT_32)
    one_of_each(tmp_path / "train", ["ant"])
    with pytest.raises(FileNotFoundError, match=r"no folder .*val"):
        open_dataset("folder", str(tmp_path), AT_32)
    one_of_each(tmp_path / "val", ["bee"])
    with pytest.raises(ValueError, match="'ant'"):
        open_dataset("folder", str(tmp_path), AT_32)


def one_of_each(folder: Path, names: Sequence[str]) -> Path:
    """A folder per name, with one picture in each."""
    for name in names:
        (folder / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / name / "0.png")
    return folder


def labels_of(exam: Exam) -> list[int]:
    return torch.cat([y for _, y in exam.test_batches(4)]).tolist()


@pytest.mark.parametrize("place", ["in", "beside", "above"])
def test_a_list_of_classes_gives_the_labels_where_only_some_classes_are_there(
    tmp_path: Path, place: str
) -> None:
    val = one_of_each(tmp_path / "tree" / "val", ["cat", "ant"])
    listing = {"in": val, "beside": val.parent, "above": tmp_path}[place] / "wnids.txt"
    listing.write_text("dog\nbee\nant 1st of three\nfly\ncat\n")
    for path in (val.parent, val):
        exam = open_test("folder", str(path), AT_32)
        assert exam.class_names == ("dog", "bee", "ant", "fly", "cat")
        assert labels_of(exam) == [2, 4]
    one_of_each(tmp_path / "tree" / "train", ["fly", "bee", "cat"])
    data = open_dataset("folder", str(val.parent), AT_32)
    assert (data.classes, data.train.labels.tolist()) == (5, [1, 4, 3])


def test_the_folder_of_test_images_itself_is_enough(tree: str) -> None:
    whole = open_test("folder", tree, AT_32)
    itself = open_test("folder", f"{tree}/val", AT_32)
    assert labels_of(whole) == labels_of(itself)
    pairs = zip(whole.test_batches(9), itself.test_batches(9), strict=True)
    assert all(torch.equal(x, x2) for (x, _), (x2, _) in pairs)
    with pytest.raises(FileNotFoundError, match="val/train"):
        open_dataset("folder", f"{tree}/val", AT_32)


@pytest.mark.parametrize(
    ("listing", "complaint"),
    [
        ("ant\nbee\n", r"val/cat is no class of .*wnids\.txt"),
        ("ant\nant\ncat\n", r"wnids\.txt lists ant twice"),
        ("ant\n\ncat\n", r"wnids\.txt has an empty line"),
        ("", r"wnids\.txt has an empty line"),
    ],
)
def test_a_list_that_does_not_fit_is_named(tmp_path: Path, listing: str, complaint: str) -> None:
    one_of_each(tmp_path / "val", ["cat"])
    (tmp_path / "wnids.txt").write_text(listing)
    with pytest.raises(ValueError, match=complaint):
        open_test("folder", str(tmp_path), AT_32)


def test_imagenet_has_all_its_classes_or_a_list_of_them(tmp_path: Path) -> None:
    wnids = [f"n{number:08}" for number in range(3, 1003)]
    val = one_of_each(tmp_path / "val", wnids[::200])
    with pytest.raises(ValueError, match=r"5 of ImageNet's 1000 classes(.|\n)*wnids\.txt"):
        open_test("imagenet", str(tmp_path), AT_32)
    (tmp_path / "wnids.txt").write_text("\n".join(wnids))
    exam = open_test("imagenet", str(val), AT_32)
    assert (exam.classes, labels_of(exam)) == (1000, [0, 200, 400, 600, 800])
    (tmp_path / "wnids.txt").write_text("\n".join(wnids[:-1]))
    with pytest.raises(ValueError, match=r"wnids\.txt names 999 of"):
        open_test("imagenet", str(tmp_path), AT_32)
    (tmp_path / "wnids.txt").unlink()
    for name in set(wnids) - set(wnids[::200]):
        (val / name).mkdir()
        (val / name / "0.JPEG").symlink_to(val / wnids[0] / "0.png")
    exam = open_test("imagenet", str(tmp_path), AT_32)
    assert exam.test.labels.tolist() == list(range(1000))


def test_what_is_no_imagenet_is_named(tree: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'ant' is no WordNet id"):
        open_test("imagenet", tree, AT_32)
    with pytest.raises(ValueError, match="--path"):
        open_test("imagenet", None, AT_32)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_test("imagenet", str(tmp_path / "nowhere"), AT_32)


def test_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no class folders"):
        open_test("folder", str(tmp_path), AT_32)
    one_of_each(tmp_path / "val", ["ant"])
    (tmp_path / "val" / "bee").mkdir()
    (tmp_path / "val" / "bee" / "notes.txt").write_text("no picture")
    with pytest.raises(FileNotFoundError, match="val/bee holds no images"):
        open_test("folder", str(tmp_path), AT_32)


def test_folders_need_no_shift(tree: str) -> None:
    with pytest.raises(ValueError, match="shift"):
        open_dataset("folder", tree, AT_32).train_batches(4, 0, Augmentation(shift=2))


def test_real_photographs(tmp_path: Path) -> None:
    with ZipFile(shared("data/imagenet_500.zip")) as archive:
        names = [name for name in archive.namelist() if name.endswith(".JPEG")][:24]
        for name in names:
            _, _, wnid, file = name.split("/")
            for part in ("train", "val"):
                (tmp_path / part / wnid).mkdir(parents=True, exist_ok=True)
                (tmp_path / part / wnid / file).write_bytes(archive.read(name))
    data = open_dataset("folder", str(tmp_path), Reading(resolution=96))
    assert (data.classes, len(data.test)) == (24, 24)
    x = torch.cat([x for x, _ in data.test_batches(10)])
    assert x.shape == (24, 3, 96, 96)
    assert float(x.mean().abs()) < 0.5 and 0.7 < float(x.std()) < 1.4
    half = Reading(resolution=96, normalise="half")
    other = open_test("folder", str(tmp_path), half)
    y = torch.cat([x for x, _ in other.test_batches(10)])
    assert float(y.min()) >= -1 and float(y.max()) <= 1
    x, labels = next(data.train_batches(12, seed=0).stream(1))
    assert x.shape == (12, 3, 96, 96) and len(set(labels.tolist())) == 12
