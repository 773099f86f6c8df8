"""Locks that a process gives back however it ends: several processes share the work of one folder.

They are POSIX record locks, so they hold between machines too where the folder's file system does
locks. Whoever opens a file twice in one process and closes it once gives all of them back, so each
lock file belongs to one `Locks`.
"""

import fcntl
import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Locks:
    """Numbered locks, all in one file, which stays empty."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        weakref.finalize(self, os.close, self._file)

    @contextmanager
    def held(self, number: int, waiting: str = "") -> Iterator[None]:
        """Wait until no other process holds it, and hold it; who waits says `waiting`."""
        with self.tried(number) as ours:
            if ours:
                yield
                return
        if waiting:
            print(waiting, file=sys.stderr)
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, number)
        try:
            yield
        finally:
            self._free(number)

    @contextmanager
    def tried(self, number: int) -> Iterator[bool]:
        """Hold it if no other process does; whether it is held."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except (BlockingIOError, PermissionError):
            yield False
            return
        try:
            yield True
        finally:
            self._free(number)

    def _free(self, number: int) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)
