"""Start a program as several workers, as a user would: with mpirun or torchrun."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

Launcher = Literal["mpirun", "torchrun"]
LAUNCHERS: tuple[Launcher, ...] = ("mpirun", "torchrun")
ROOT = Path(__file__).parents[1]
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(ROOT),
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
}
SECONDS = 240


def launched(launcher: Launcher, workers: int, *words: object) -> list[str]:
    """The command line that runs python with `words` so many times at once."""
    program = [str(word) for word in words]
    if launcher == "torchrun":
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        return [*torchrun, "--nproc-per-node", str(workers), *program]
    if importlib.util.find_spec("horovod") is None:
        pytest.skip("Horovod is not installed: `make horovod`, which `make test` calls")
    mpirun = str(Path(sys.executable).with_name("mpirun"))
    return [mpirun, "-np", str(workers), "--oversubscribe", sys.executable, *program]


def launch(launcher: Launcher, workers: int, *words: object) -> subprocess.CompletedProcess[str]:
    """Run to the end and keep what was printed; the workers end with the test in any case."""
    return subprocess.run(
        launched(launcher, workers, *words),
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def rank_of(pid: int) -> int | None:
    """The number a launcher gave to a process, if it is one of its workers."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    for name in (b"OMPI_COMM_WORLD_RANK=", b"RANK="):
        for variable in variables:
            if variable.startswith(name):
                return int(variable.removeprefix(name))
    return None


def descendants(pid: int) -> list[int]:
    """Processes below `pid`, the nearest first."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    children = [int(word) for word in text.split()]
    return children + [other for child in children for other in descendants(child)]


def worker_pid(launcher_pid: int, rank: int) -> int | None:
    """The process that is worker `rank` of a launcher, or None while there is none."""
    found = (pid for pid in descendants(launcher_pid) if rank_of(pid) == rank)
    return next(found, None)
