"""Two workers search as one with the doubled batch does, whoever carries their messages."""

from pathlib import Path

import pytest
import torch

from proxyless_nas.weights import load_tensors
from tests.launch import LAUNCHERS, Launcher, launch
from tests.search.running import assert_same, left_in, one_thread, run, tiny
from tests.search.steps import DERIVED, WHOLE, run_search, run_steps
from training.workers import Alone

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_workers_take_the_steps_of_one(launcher: Launcher, tmp_path: Path) -> None:
    """And all that they estimate apart, they average: they end with one network. Killed and
    resumed they end as if they had not been."""
    with one_thread():
        expected = run_steps(Alone()) | run_search(Alone(), tmp_path / "alone")
    done = launch(launcher, 2, "-m", "tests.search.steps", tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = (load_tensors(tmp_path / f"rank{rank}.pt") for rank in range(2))
    assert first.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(first[name], second[name]), name
        if not name.startswith(WHOLE + DERIVED):
            torch.testing.assert_close(first[name], value, rtol=1e-4, atol=1e-5)
    logits = expected[f"{WHOLE}logits"]
    assert logits[logits.isfinite()].abs().max() > 0.05  # there was something to differ in
    assert load_tensors(tmp_path / "kept.pt")["step"] == 6
    assert_same(left_in(tmp_path / "broken"), left_in(tmp_path / "whole"))
    with pytest.raises(ValueError, match="begun with 2 workers, not with 1"):
        run(tiny("two paths", tmp_path / "whole"))
