"""Run the real commands as a user would: in processes of their own, or here, which is faster."""

import contextlib
import io
import json
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch

from tests.launch import ENVIRONMENT, ROOT


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
    return well(run(*words))


def run_well_at_once(count: int, *words: object) -> list[str]:
    """Run the same command in several processes at once, to the end; what each printed."""
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen(
            command(*words), cwd=ROOT, env=ENVIRONMENT, stdout=pipe, stderr=pipe, text=True
        )
        for _ in range(count)
    ]
    ends = [(each, *each.communicate()) for each in started]
    return [
        well(subprocess.CompletedProcess(each.args, each.returncode, printed, complaint))
        for each, printed, complaint in ends
    ]


def well(done: subprocess.CompletedProcess[str]) -> str:
    """What a command printed; the test fails when the command did."""
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_here(*words: object) -> subprocess.CompletedProcess[str]:
    """The same program with the same words, run to its exit code in this process."""
    program, *flags = map(str, words)
    if program == "-m":
        program, *flags = (f"{flags[0].replace('.', '/')}/__main__.py", *flags[1:])
    printed, complaint, threads = io.StringIO(), io.StringIO(), torch.get_num_threads()
    with (
        contextlib.chdir(ROOT),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(complaint),
        mock.patch.dict(os.environ),
        mock.patch.object(sys, "argv", [program, *flags]),
        pytest.raises(SystemExit) as end,
    ):
        runpy.run_path(program, run_name="__main__")
    torch.set_num_threads(threads)
    code = end.value.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(
        command(*words), code, printed.getvalue(), complaint.getvalue()
    )


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
