"""Run several training commands at once, with one bar over all of them."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from msgspec import Struct

from proxyless_nas.progress import progress_bar
from training.run_folder import read_log

PR_SET_PDEATHSIG = 1


class Job(Struct, frozen=True):
    """A python command, and the run folder in which it says how far it is."""

    name: str
    arguments: list[str]
    folder: Path
    epochs: int

    def epochs_done(self) -> int:
        """Whole epochs that the run's log tells of."""
        lines = read_log(self.folder / "log.jsonl")
        return int(lines[-1]["epoch"]) if lines else 0


def run_jobs(jobs: list[Job], workers: int) -> None:
    """Run all jobs, `workers` at a time, in order; OSError with its last words if one fails.

    When this process is interrupted the running jobs are stopped too; each continues from its
    checkpoint the next time.
    """
    waiting, running = list(jobs), dict[str, tuple[Job, subprocess.Popen[bytes]]]()
    bar = progress_bar((), "train (epochs of all networks)", sum(job.epochs for job in jobs))
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.pop(0)
                running[job.name] = job, _start(job)
            time.sleep(0.2)
            for name, (job, process) in list(running.items()):
                if process.poll() is not None:
                    del running[name]
                    if process.returncode:
                        said = (job.folder / "output.txt").read_text().split("\n")
                        last = next((line for line in reversed(said) if line.strip()), "no output")
                        raise OSError(f"training {name} failed: {last}")
            done = sum(job.epochs_done() for job in jobs)
            bar.update(done - bar.n)
    finally:
        bar.close()
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.wait()


def _start(job: Job) -> "subprocess.Popen[bytes]":
    job.folder.mkdir(parents=True, exist_ok=True)
    with (job.folder / "output.txt").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, *job.arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            preexec_fn=_die_with_parent,
        )


def _die_with_parent() -> None:
    """Ask Linux to end this child when its parent is killed; elsewhere it runs to its end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
