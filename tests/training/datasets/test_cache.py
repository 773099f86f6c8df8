"""A cached folder is whole or absent, whoever is killed or comes second."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from training.datasets.cache import ABANDONED_SECONDS, keep

HANGS = """
import sys, time
from pathlib import Path
from training.datasets.cache import keep
def fill(folder):
    (folder / "half").write_text("half")
    print("filling", flush=True)
    time.sleep(60)
keep(Path(sys.argv[1]), fill)
"""


def fill(folder: Path) -> None:
    (folder / "whole").write_text("whole")


def test_a_killed_process_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    target = tmp_path / "data"
    process = subprocess.Popen([sys.executable, "-c", HANGS, str(target)], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"filling\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not target.exists()

    (left,) = tmp_path.iterdir()
    long_ago = time.time() - 2 * ABANDONED_SECONDS
    os.utime(left, (long_ago, long_ago))
    assert [file.name for file in keep(target, fill).iterdir()] == ["whole"]
    assert list(tmp_path.iterdir()) == [target]


def test_the_first_of_two_wins_and_the_second_uses_it(tmp_path: Path) -> None:
    def slow_fill(folder: Path) -> None:
        keep(tmp_path / "data", fill)  # another process is faster
        (folder / "late").write_text("late")

    keep(tmp_path / "data", slow_fill)
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["whole"]


def test_a_failed_fill_leaves_nothing(tmp_path: Path) -> None:
    def fails(folder: Path) -> None:
        fill(folder)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        keep(tmp_path / "data", fails)
    assert list(tmp_path.iterdir()) == []
