"""One measured table of the smoke space for all tests of commands."""

from pathlib import Path

import pytest
from msgspec import structs

from latency_tables import LatencyTable
from tests.commands.helpers import run_here, well


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real table of this machine, trusted however busy the machine was."""
    path = tmp_path_factory.mktemp("table") / "table.json"
    few = ("--min-visits", 4, "--max-visits", 8, "--spread-s", 0)
    well(run_here("-m", "latency_tables", "measure", "--space", "smoke", *few, "--out", path))
    table = LatencyTable.load(path, allow_contended=True)
    structs.replace(table, head=structs.replace(table.head, contended=False, reason=None)).save(
        path
    )
    return path
