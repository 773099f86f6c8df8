"""One measured table of the smoke space for all tests of commands."""

from pathlib import Path

import pytest

from tests.commands.helpers import run_well


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real table of this machine."""
    path = tmp_path_factory.mktemp("table") / "table.json"
    words = ["-m", "latency_tables", "measure", "--space", "smoke", "--spread-s", 0]
    run_well(*words, "--out", path)
    return path
