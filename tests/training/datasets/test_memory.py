"""Laws of streams, splits and augmentation, on small made-up images held in memory."""

from itertools import islice

import pytest
import torch

from training.datasets import (
    Augmentation,
    Dataset,
    DatasetName,
    Normalisation,
    Reading,
    open_dataset,
)
from training.datasets.memory import MemoryImages
from training.datasets.split import balanced

COUNT, CLASSES = 300, 6
MOVED = Augmentation(shift=2)


def images(count: int = COUNT) -> MemoryImages:
    """Image i has the value i % 251 in its left half; labels repeat 0..5."""
    pixels = torch.zeros(count, 3, 8, 6, dtype=torch.uint8)
    pixels[..., :3] = (torch.arange(count) % 251).to(torch.uint8)[:, None, None, None]
    plain = Normalisation((0.0,) * 3, (1 / 255,) * 3)
    return MemoryImages(pixels, torch.arange(count) % CLASSES, plain)


def dataset() -> Dataset:
    return Dataset(name="x", class_names=tuple("abcdef"), train=images(), test=images(60))


def same(a: list, b: list) -> bool:
    pairs = zip(a, b, strict=True)
    return all(torch.equal(x, x2) and torch.equal(y, y2) for (x, y), (x2, y2) in pairs)


@pytest.mark.parametrize("step", [0, 3, 9, 10, 47])
def test_a_stream_entered_at_a_step_is_the_tail_of_the_whole(step: int) -> None:
    batches = images().batches(32, seed=5, augmentation=MOVED)
    assert batches.steps_per_epoch == 9
    whole = list(islice(batches.stream(0), step + 12))
    assert same(whole[step:], list(islice(batches.stream(step), 12)))


def test_streams_leave_torchs_own_generator_alone() -> None:
    before = torch.get_rng_state()
    next(images().batches(32, seed=5, augmentation=MOVED).stream(4))
    assert torch.equal(before, torch.get_rng_state())


def test_another_seed_and_another_epoch_give_another_order() -> None:
    first, later = (list(islice(images().batches(100, seed=0).stream(step), 3)) for step in (0, 3))
    other = list(islice(images().batches(100, seed=1).stream(0), 3))
    assert not same(first, later)
    assert not same(first, other)


def test_an_epoch_shows_no_image_twice() -> None:
    source = images(240)
    source.labels = torch.arange(240)
    seen = torch.cat([y for _, y in islice(source.batches(24, seed=3).stream(0), 10)])
    assert seen.sort().values.tolist() == list(range(240))


def test_evaluation_reads_every_image_once_in_order() -> None:
    source = images()
    parts = list(source.evaluation_batches(128))
    assert [len(y) for _, y in parts] == [128, 128, 44]
    assert torch.equal(torch.cat([x for x, _ in parts]), source.pixels.float())
    assert torch.equal(torch.cat([y for _, y in parts]), source.labels)


def test_batches_are_float_and_channels_last() -> None:
    x, y = next(images().batches(32, seed=0, augmentation=MOVED).stream())
    assert x.dtype == torch.float32 and y.dtype == torch.int64
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_normalisation_follows_its_formula() -> None:
    pixels = torch.randint(256, (4, 3, 5, 5), dtype=torch.uint8)
    mean, std = torch.tensor([0.1, 0.5, 0.7]), torch.tensor([0.2, 0.3, 0.4])
    expected = (pixels / 255 - mean[:, None, None]) / std[:, None, None]
    result = Normalisation(tuple(mean.tolist()), tuple(std.tolist())).apply(pixels)
    torch.testing.assert_close(result, expected)


def test_a_split_is_balanced_disjoint_complete_and_repeatable() -> None:
    data = dataset()
    assert isinstance(data.train, MemoryImages)
    data.train.pixels[:, 0, 0, 5] = torch.arange(COUNT).to(torch.uint8)
    data.train.pixels[:, 0, 1, 5] = (torch.arange(COUNT) // 256).to(torch.uint8)

    def numbers(part: object) -> list[int]:
        assert isinstance(part, MemoryImages)
        pixels = part.pixels[:, 0, :2, 5].int()
        return (pixels[:, 0] + 256 * pixels[:, 1]).tolist()

    split = data.split(60, seed=1)
    assert split.test.labels.bincount().tolist() == [10] * CLASSES
    held, rest = numbers(split.test), numbers(split.train)
    assert sorted(held + rest) == list(range(COUNT))
    assert numbers(data.split(60, seed=1).test) == held
    assert numbers(data.split(60, seed=2).test) != held


def test_a_split_that_leaves_a_class_nothing_is_an_error() -> None:
    labels = torch.tensor([0] * 50 + [1] * 2)
    few = MemoryImages(torch.zeros(52, 1, 2, 2, dtype=torch.uint8), labels, images().normalisation)
    with pytest.raises(ValueError, match="'rare'"):
        Dataset(name="x", class_names=("common", "rare"), train=few, test=few).split(10, seed=0)


def test_a_limit_takes_the_first_of_each_class() -> None:
    labels = torch.tensor([0, 0, 0, 1, 0, 1, 2, 0, 1, 1])
    assert balanced(labels, 5).tolist() == [0, 1, 3, 5, 6]
    assert balanced(labels, 9).tolist() == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    limited = dataset().limited(100)
    assert (len(limited.train), len(limited.test)) == (100, 60)


def test_a_dataset_says_which_network_fits() -> None:
    data = dataset()
    data.must_fit(data.shape, CLASSES)
    with pytest.raises(ValueError, match="3x8x6"):
        data.must_fit(data.shape, CLASSES + 1)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: images().batches(301, seed=0),
        lambda: images().batches(0, seed=0),
        lambda: images().evaluation_batches(0),
        lambda: images().batches(8, 0, Augmentation(shift=6)),
        lambda: images().batches(8, 0, Augmentation(scale=0.5)),
        lambda: dataset().limited(0),
        lambda: dataset().split(COUNT, 0),
        lambda: open_dataset("folder"),
        lambda: open_dataset("fashion", None, Reading(resolution=32)),
    ],
)
def test_impossible_wishes_fail_at_the_door(wrong) -> None:
    with pytest.raises(ValueError):
        wrong()


def test_an_unknown_name_lists_the_names() -> None:
    name: DatasetName = "fashon"  # pyright: ignore[reportAssignmentType]
    with pytest.raises(ValueError, match=r"did you mean fashion.*cifar10, fashion, mnist, folder"):
        open_dataset(name)
