"""The journal of a measurement: a line per visit, so that a killed run goes on where it was."""

import os
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from latency_tables.head import Identity
from latency_tables.protocol import Visit, Visits


class _First(Struct, frozen=True, forbid_unknown_fields=True):
    """The first line. `load` is the load average when the measurement began."""

    identity: Identity
    load: float | None


class Journal:
    """An open journal: what was read from it, and `append`. Each line is flushed when written."""

    def __init__(self, path: Path, identity: Identity, load: float | None) -> None:
        """Continue `path`, or begin it.

        A last line that a killed process left half-written is cut off. A journal of another
        machine, runtime, space or protocol, or one that cannot be read, is set aside (renamed),
        which is said on stderr; visits of two identities are never mixed.
        """
        self.path = path
        self.visits: Visits = {}
        self._first = _First(identity, load)
        self._file = self._open()

    @property
    def load(self) -> float | None:
        """The load average when the measurement began, maybe in an earlier process."""
        return self._first.load

    def append(self, visit: Visit) -> None:
        self._write(visit)

    def restart(self, why: str) -> None:
        """Set the journal aside and begin an empty one."""
        self._file.close()
        _set_aside(self.path, why)
        self.visits = {}
        self._file = self._open()

    def close(self) -> None:
        self._file.close()

    def remove(self) -> None:
        """Close, and delete the file: the table has everything."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _open(self) -> BinaryIO:
        whole = 0
        if self.path.exists():
            try:
                first, self.visits, whole = read(self.path)
                other = first.identity.differences(self._first.identity)
                if other:
                    raise ValueError(f"it was made with another {' and '.join(other)}")
                self._first = first
            except ValueError as error:
                _set_aside(self.path, str(error))
                self.visits, whole = {}, 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("ab")
        file.truncate(whole)
        if whole == 0:
            file.write(msgspec.json.encode(self._first) + b"\n")
            file.flush()
        return file

    def _write(self, visit: Visit) -> None:
        self._file.write(msgspec.json.encode(visit) + b"\n")
        self._file.flush()


def read(path: Path) -> tuple[_First, Visits, int]:
    """The first line, the visits by key, and how many bytes are whole lines.

    ValueError for a broken line, unless it is the last one and lacks its end.
    """
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    lines = data[:whole].splitlines()
    if not lines:
        raise ValueError("its first line is missing")
    try:
        first = msgspec.json.decode(lines[0], type=_First)
        seen = [msgspec.json.decode(line, type=Visit) for line in lines[1:]]
    except (msgspec.DecodeError, ValueError) as error:
        raise ValueError(f"it has a broken line: {error}") from error
    visits: Visits = {}
    for visit in seen:
        visits.setdefault(visit.key, []).append(visit)
    return first, visits, whole


def journal_path(out: str | Path) -> Path:
    """Where the journal of a table stands while it is measured."""
    return Path(f"{out}.journal")


def _set_aside(path: Path, why: str) -> None:
    number = 1
    while (aside := Path(f"{path}.{number}")).exists():
        number += 1
    os.replace(path, aside)
    print(f"starting over: {path} is set aside as {aside.name}: {why}", file=sys.stderr)
