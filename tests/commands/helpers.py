"""Run the real commands as a user would, in processes of their own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def command(*words: object) -> list[str]:
    """A python command line from the root of the repository."""
    return [sys.executable, *map(str, words)]


def run(*words: object) -> subprocess.CompletedProcess[str]:
    """Run to the end and keep what was printed."""
    return subprocess.run(
        command(*words), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


def run_well(*words: object) -> str:
    """Run to the end; the test fails when the command does."""
    done = run(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kill_when(words: list[object], log: Path, lines: int) -> int:
    """Start a command, SIGKILL it once `log` has so many lines; how many it had by then."""
    process = subprocess.Popen(
        command(*words),
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if log.exists() and log.read_text().count("\n") >= lines:
            process.kill()
            process.wait()
            return log.read_text().count("\n")
        time.sleep(0.005)
    process.kill()
    raise AssertionError(f"the command ended or hung before it logged {lines} lines")


def records(path: Path) -> list[dict[str, Any]]:
    """All lines of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """A user's error: exit code 2, one or two lines, and each of `words` in them."""
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert 1 <= len(lines) <= 2, done.stderr
    assert any(line.startswith("error: ") for line in lines), done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
