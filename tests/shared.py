"""Real data and weights that lie beside the repository; tests that need what is absent skip."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def shared(path: str) -> Path:
    """`path` below $PROXYLESS_SHARED, else below ../shared; skips the test where it is absent."""
    home = Path(os.environ.get("PROXYLESS_SHARED") or ROOT.parent / "shared")
    if not (home / path).exists():
        pytest.skip(f"no {home / path}: set PROXYLESS_SHARED to the folder that holds {path}")
    return home / path
