"""What is kept of a run survives a damaged file and a full disk."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from training.checkpoints import Checkpoints


def saved(folder: Path, *steps: int) -> Checkpoints:
    checkpoints = Checkpoints(folder)
    for step in steps:
        checkpoints.save(step, {"weights": torch.full((1000,), float(step))})
    return checkpoints


@contextmanager
def no_room_beyond(bytes_per_file: int) -> Iterator[None]:
    """Let the system refuse to make any file larger than that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_per_file, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def step_of(folder: Path) -> int:
    state = Checkpoints(folder).load()
    assert state is not None
    assert torch.all(state["weights"] == state["step"])
    return state["step"]


def test_the_newest_state_comes_back_and_nothing_from_nothing(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path).load() is None
    saved(tmp_path, 1, 2, 3)
    assert step_of(tmp_path) == 3
    assert {file.name for file in tmp_path.iterdir()} == {"last.pt", "previous.pt"}


@pytest.mark.parametrize("left", [0, 100, 2000])
def test_a_damaged_last_state_is_told_of_and_the_one_before_it_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], left: int
) -> None:
    saved(tmp_path, 1, 2)
    data = (tmp_path / "last.pt").read_bytes()
    (tmp_path / "last.pt").write_bytes(data[:left])
    assert step_of(tmp_path) == 1
    said = capsys.readouterr().err
    assert "last.pt is not a readable torch file" in said and "previous.pt, step 1" in said
    saved(tmp_path, 3)  # must not put the damaged one in the place of the good one
    assert step_of(tmp_path) == 3


def test_a_kill_between_two_files_loses_nothing(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2)
    (tmp_path / "last.pt").unlink()
    assert step_of(tmp_path) == 1


def test_two_damaged_states_end_with_a_way_out(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2)
    for name in ("last.pt", "previous.pt"):
        (tmp_path / name).write_bytes(b"rubbish")
    with pytest.raises(ValueError, match=r"last\.pt .*previous\.pt .*--no-resume"):
        Checkpoints(tmp_path).load()


def test_without_room_the_last_good_state_stays(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 1, 2)
    with (
        no_room_beyond(2000),
        pytest.raises(OSError, match=r"at step 3 .*checkpoint of step 2 is kept: make room"),
    ):
        checkpoints.save(3, {"weights": torch.full((1000,), 3.0)})
    assert step_of(tmp_path) == 2
    assert {file.name for file in tmp_path.iterdir()} == {"last.pt", "previous.pt"}
