"""Run a program of the system that fetches or unpacks files; what fails is told in one line."""

import os
import subprocess
from pathlib import Path


def run_tool(command: list[str], folder: Path, seconds: float) -> None:
    """In `folder`, without input. OSError with its last complaint; TimeoutError (one too)."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{command[0]} took longer than {seconds:.0f} s") from None
    if done.returncode:
        complaints = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise OSError(f"{command[0]} failed: {complaints[-1]}")
