"""A score is the same however it is timed, and the time that is told was really spent."""

import time
from collections.abc import Iterator

import pytest
import torch

from proxyless_nas import hand_made
from training.datasets import Batch, Exam, Normalisation
from training.datasets.memory import MemoryImages
from training.device import pick_device
from training.evaluate import Evaluation, evaluate, evaluate_timed

PAUSE = 0.05
CPU = torch.device("cpu")


class SlowImages(MemoryImages):
    """Every batch takes a moment to come."""

    def read(self, batch_size: int, pinned: bool) -> Iterator[Batch]:
        for batch in super().read(batch_size, pinned):
            time.sleep(PAUSE)
            yield batch


def exam(kind: type[MemoryImages] = MemoryImages) -> Exam:
    chance = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (50, 1, 28, 28), dtype=torch.uint8, generator=chance)
    labels = torch.randint(10, (50,), generator=chance)
    images = kind(pixels, labels, Normalisation((0.5,), (0.5,)))
    return Exam(name="noise", class_names=tuple("abcdefghij"), test=images)


def test_timing_changes_no_score() -> None:
    network = hand_made("smoke").build(0)
    result, pace = evaluate_timed(network, exam(), 7, CPU)
    plain = evaluate(network, exam().test_batches(7))
    assert (result.top1, result.top5, result.images) == (plain.top1, plain.top5, 50)
    assert result.loss == pytest.approx(plain.loss, rel=1e-5)
    assert pace.images == 50
    assert 0 < pace.waited < pace.seconds
    assert pace.images_per_second == pytest.approx(50 / pace.seconds)


def test_time_spent_on_slow_images_is_told_as_waiting() -> None:
    _, pace = evaluate_timed(hand_made("smoke").build(0), exam(SlowImages), 10, CPU)
    assert 5 * PAUSE <= pace.waited <= pace.seconds


def test_counts_are_told_exactly() -> None:
    for count in (3, 7, 49, 10_007):
        for right in (0, 1, count // 3, count):
            result = Evaluation(right / count, right / count, 0.0, count)
            assert (result.right, result.right5) == (right, right)


def test_a_gpu_that_is_not_there_is_a_users_error() -> None:
    assert pick_device("cpu") == CPU
    if torch.cuda.is_available():
        assert pick_device("auto") == pick_device("cuda") == torch.device("cuda")
    else:
        assert pick_device("auto") == CPU
        with pytest.raises(ValueError, match="--device cpu"):
            pick_device("cuda")
