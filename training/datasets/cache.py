"""Folders that were costly to fill, kept for the next run; a kill leaves no half-filled one."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

ABANDONED_SECONDS = 3600.0


def cache_root() -> Path:
    """Where this project keeps what it fetched: below $XDG_CACHE_HOME, or below ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "proxyless_nas"


def keep(folder: Path, fill: Callable[[Path], None]) -> Path:
    """`folder`, made now by `fill` unless it is there.

    `fill` works on a folder beside it that takes the name in one step when complete. Of two
    processes that do this at once, the first wins and the second uses the winner's.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as stage:
        ready = Path(stage) / "ready"
        ready.mkdir()
        fill(ready)
        try:
            ready.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    return folder


def _sweep(folder: Path) -> None:
    """Remove what killed processes left beside `folder` long ago."""
    for stage in folder.parent.glob(f".{folder.name}.*"):
        if stage.is_dir() and time.time() - stage.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(stage, ignore_errors=True)
