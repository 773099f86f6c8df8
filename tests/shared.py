"""Find the real data that is shared beside the repository, or skip the test that needs it."""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[2] / "shared"


def shared(path: str) -> Path:
    """A file of `shared/`, looked for in $PROXYLESS_SHARED, else beside the repository."""
    found = Path(os.environ.get("PROXYLESS_SHARED", BESIDE)) / path
    if not found.exists():
        pytest.skip(f"{found} is absent; PROXYLESS_SHARED names another folder")
    return found
