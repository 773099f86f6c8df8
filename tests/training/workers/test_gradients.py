"""Two workers with batch B learn what one with batch 2B learns, whoever carries gradients."""

from pathlib import Path

import pytest
import torch

from proxyless_nas.weights import load_tensors
from tests.launch import LAUNCHERS, Launcher, launch
from tests.training.learning import learner
from tests.training.workers.steps import record
from training.workers import Alone

pytestmark = pytest.mark.slow


def two_workers(
    launcher: Launcher, folder: Path, passes: int = 1, fp16: bool = False
) -> list[dict[str, torch.Tensor]]:
    words = ["-m", "tests.training.workers.steps", folder, passes, int(fp16)]
    done = launch(launcher, 2, *words)
    assert done.returncode == 0, done.stderr
    return [load_tensors(folder / f"rank{rank}.pt") for rank in range(2)]


def one_worker() -> dict[str, torch.Tensor]:
    return record(learner(), Alone(), passes=1)


@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize("passes", [1, 2])
def test_gradients_losses_and_weights_are_those_of_one_worker(
    launcher: Launcher, passes: int, tmp_path: Path
) -> None:
    expected = one_worker()
    first, second = two_workers(launcher, tmp_path, passes)
    assert first.keys() == second.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(first[name], value)
        assert torch.equal(first[name], second[name]), name


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_half_precision_messages_change_gradients_by_their_rounding_only(
    launcher: Launcher, tmp_path: Path
) -> None:
    expected = one_worker()
    first, second = two_workers(launcher, tmp_path, fp16=True)
    names = [name for name in expected if name.startswith("gradient.0.")]
    apart = [float((first[name] - expected[name]).abs().max()) for name in names]
    sizes = [float(expected[name].abs().max()) for name in names]
    assert max(apart) > 0  # they were rounded
    assert all(a <= 2**-10 * size for a, size in zip(apart, sizes, strict=True))
    assert all(torch.equal(first[name], second[name]) for name in first)
