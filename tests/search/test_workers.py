"""Two workers search as one with the doubled batch does, whoever carries their messages."""

from pathlib import Path

import pytest
import torch

from proxyless_nas.weights import load_tensors
from tests.launch import LAUNCHERS, Launcher, launch
from tests.search.steps import run_steps
from training.workers import Alone

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_workers_take_the_steps_of_one(launcher: Launcher, tmp_path: Path) -> None:
    expected = run_steps(Alone())
    done = launch(launcher, 2, "-m", "tests.search.steps", tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = (load_tensors(tmp_path / f"rank{rank}.pt") for rank in range(2))
    assert first.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(first[name], value, rtol=1e-4, atol=1e-5)
        assert torch.equal(first[name], second[name]), name
