"""Ask a strategy and tell it what was seen, with a journal: a search that trains nothing."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import torch
from msgspec import Struct

from proxyless_nas.files import write_bytes
from proxyless_nas.progress import progress_bar
from search.choices import Choices, Evidence
from search.strategies.base import Strategy

Judge = Callable[[int, Choices], Evidence]
"""What is seen of choices; the number counts all that were judged before in this search."""


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """One judgement; a line of the journal. `seconds` are those of the search until then."""

    options: tuple[int, ...]
    loss: float
    accuracy: float
    seconds: float
    slopes: tuple[tuple[float, ...], ...] | None = None

    @classmethod
    def of(cls, choices: Choices, seen: Evidence, seconds: float) -> "Line":
        """To be written."""
        slopes = None if seen.slopes is None else tuple(map(tuple, seen.slopes.tolist()))
        return cls(choices.options, float(seen.loss), float(seen.accuracy), seconds, slopes)

    def evidence(self) -> Evidence:
        """What was seen, in float64, so that it is the same whether it was read or judged now."""
        loss, accuracy = (
            torch.tensor(one, dtype=torch.float64) for one in (self.loss, self.accuracy)
        )
        return Evidence(loss, accuracy, None if self.slopes is None else torch.tensor(self.slopes))


class Journal:
    """Judgements in a file, one per line, in their order; a torn last line is dropped."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.lines: list[Line] = []
        whole = file.read_bytes() if file.exists() else b""
        kept = whole[: whole.rfind(b"\n") + 1]
        self.lines = [msgspec.json.decode(line, type=Line) for line in kept.splitlines()]
        if kept != whole:
            write_bytes(file, kept)

    @property
    def seconds(self) -> float:
        """How long the search has taken, in all its processes."""
        return self.lines[-1].seconds if self.lines else 0.0

    def add(self, line: Line) -> None:
        """At the end."""
        with self._file.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
        self.lines.append(line)


def ask_and_tell(strategy: Strategy, judge: Judge, journal: Journal, most: int, title: str) -> int:
    """Until the strategy asks no more, or `most` were judged; how many were.

    What the journal holds is told again instead of judged: a strategy whose chance is its own then
    asks the same, so a search that was killed goes on as if it had not been. ValueError where it
    asks something else.
    """
    done, known = 0, len(journal.lines)
    begun = time.perf_counter() - journal.seconds
    with progress_bar((), title, most, known) as bar:
        while done < most:
            asked = list(strategy.ask())[: most - done]
            if not asked:
                break
            evidence: list[Evidence] = []
            for choices in asked:
                if done == len(journal.lines):
                    seen = judge(done, choices)
                    journal.add(Line.of(choices, seen, time.perf_counter() - begun))
                    bar.update()
                line = journal.lines[done]
                if line.options != choices.options:
                    raise ValueError(
                        f"judgement {done} of the journal is of other choices: this search was "
                        "begun otherwise; give another --out"
                    )
                evidence.append(line.evidence())
                done += 1
            strategy.tell(asked, evidence)
    return done
