"""Judgements in a file that several processes write and read at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import torch
from msgspec import Struct

from proxyless_nas.files import decode_json
from proxyless_nas.locks import Locks
from search.choices import Choices, Evidence

WRITING = 0


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """One judgement; a line of the journal. `seconds` are those of the search until then."""

    number: int
    options: tuple[int, ...]
    loss: float
    accuracy: float
    seconds: float
    slopes: tuple[tuple[float, ...], ...] | None = None

    @classmethod
    def of(cls, number: int, choices: Choices, seen: Evidence, seconds: float) -> "Line":
        """To be written."""
        slopes = None if seen.slopes is None else tuple(map(tuple, seen.slopes.tolist()))
        loss, accuracy = float(seen.loss), float(seen.accuracy)
        return cls(number, choices.options, loss, accuracy, seconds, slopes)

    def evidence(self) -> Evidence:
        """What was seen, in float64, so that it is the same whether it was read or judged now."""
        loss, accuracy = (
            torch.tensor(one, dtype=torch.float64) for one in (self.loss, self.accuracy)
        )
        return Evidence(loss, accuracy, None if self.slopes is None else torch.tensor(self.slopes))


class Journal:
    """Judgements by their number, one per line; a line that a killed process tore does not count.

    Each number is judged by whoever holds its claim, which falls back to the others when its holder
    dies.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._locks = Locks(file.with_name(f".{file.name}.lock"))
        self._known: dict[int, Line] = {}
        self._read = 0
        self.read()

    @property
    def lines(self) -> list[Line]:
        """All that is known here, by number."""
        return [self._known[number] for number in sorted(self._known)]

    @property
    def seconds(self) -> float:
        """How long the search has taken until the last judgement that is known here."""
        return max((line.seconds for line in self._known.values()), default=0.0)

    def line(self, number: int) -> Line | None:
        """A judgement, if it is known here."""
        return self._known.get(number)

    def read(self) -> None:
        """Learn what others have written since."""
        if not self._file.exists():
            return
        with self._file.open("rb") as file:
            file.seek(self._read)
            fresh = file.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read += len(whole)
        for each in whole.splitlines():
            line = decode_json(each, Line, self._file)
            self._known[line.number] = line

    @contextmanager
    def claimed(self, number: int) -> Iterator[bool]:
        """Whether the judgement of this number is ours to make: nobody has made it, or is about to.

        What others have written until now is known behind it.
        """
        with self._locks.tried(1 + number) as held:
            self.read()
            yield held and number not in self._known

    def add(self, line: Line) -> None:
        """At the end, behind the last whole line."""
        with self._locks.held(WRITING):
            self.read()
            with self._file.open("ab") as file:
                file.truncate(self._read)
                file.write(msgspec.json.encode(line) + b"\n")
        self.read()
