"""The shares of a step, put together, are the whole step, whoever sees which part of it."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from training.datasets import Augmentation, Batch, Images, Normalisation, Reading, Share
from training.datasets.files import FileImages
from training.datasets.memory import MemoryImages

EVERYTHING = Augmentation(colour="strong", cutout=6)
STEPS, BATCH = 5, 12


@pytest.fixture(params=["memory", "grey", "files"])
def images(request: pytest.FixtureRequest, tmp_path: Path) -> Images:
    """30 images of every kind there is."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 20, 18, 3), np.uint8)
    if request.param == "files":
        for index, image in enumerate(pixels):
            Image.fromarray(image).save(tmp_path / f"{index}.png")
        samples = [(str(tmp_path / f"{index}.png"), index) for index in range(30)]
        return FileImages(samples, Reading(resolution=16, workers=0))
    channels = 1 if request.param == "grey" else 3
    planes = torch.from_numpy(pixels).permute(0, 3, 1, 2)[:, :channels]
    half = Normalisation((0.5,) * channels, (0.5,) * channels)
    return MemoryImages(planes, torch.arange(30), half)


def steps(images: Images, share: Share, step: int = 0) -> Iterator[Batch]:
    return images.batches(BATCH, 7, EVERYTHING, share).stream(step)


def stacked(batches: Iterator[Batch]) -> tuple[Tensor, Tensor]:
    x, y = zip(*batches, strict=True)
    return torch.cat(x), torch.cat(y)


@pytest.mark.parametrize(("workers", "passes"), [(1, 3), (2, 1), (2, 3), (12, 1)])
def test_shares_put_together_are_what_one_worker_sees(
    images: Images, workers: int, passes: int
) -> None:
    streams = [steps(images, Share(worker, workers, passes)) for worker in range(workers)]
    parts = [part for _ in range(STEPS) for stream in streams for part in islice(stream, passes)]
    assert {len(y) for _, y in parts} == {BATCH // (workers * passes)}
    x, y = stacked(iter(parts))
    whole_x, whole_y = stacked(islice(steps(images, Share()), STEPS))
    assert torch.equal(x, whole_x) and torch.equal(y, whole_y)


@pytest.mark.parametrize("share", [Share(), Share(1, 2, 3)])
def test_a_stream_entered_at_a_step_is_the_tail_of_the_whole(images: Images, share: Share) -> None:
    whole = stacked(islice(steps(images, share), 3 * share.passes, 5 * share.passes))
    tail = stacked(islice(steps(images, share, step=3), 2 * share.passes))
    assert torch.equal(whole[0], tail[0]) and torch.equal(whole[1], tail[1])


def test_a_worker_decodes_only_what_it_sees(tmp_path: Path) -> None:
    samples = [(str(tmp_path / "absent.png"), index) for index in range(4)]
    images = FileImages(samples, Reading(resolution=8, workers=0))
    order = images.batches(4, 0).order
    first, second = next(order.picks(0)).indices.split(2)
    for index in first.tolist():
        Image.new("RGB", (9, 9)).save(tmp_path / f"{index}.png")
        images.samples[index] = (str(tmp_path / f"{index}.png"), index)
    _, labels = next(images.batches(4, 0, share=Share(0, 2)).stream())
    assert torch.equal(labels, first)
    with pytest.raises(ValueError, match=r"absent\.png"):
        next(images.batches(4, 0, share=Share(1, 2)).stream())
    assert len(second) == 2


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        (lambda: Share(2, 2), "worker 2 is not among 2"),
        (lambda: Share(-1, 2), "worker -1"),
        (lambda: Share(0, 0), "worker 0 is not among 0"),
        (lambda: Share(passes=0), "0 passes"),
        (lambda: Share(0, 2, 3).parts(10), "multiple of 6"),
    ],
)
def test_shares_that_cannot_be_are_refused(wish: Callable[[], object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        wish()


def test_a_step_that_cannot_be_shared_is_refused_at_the_door(images: Images) -> None:
    with pytest.raises(ValueError, match="batch size 12 cannot be cut"):
        images.batches(BATCH, 0, share=Share(0, 5))
