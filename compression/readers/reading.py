"""What every reader answers: a file of ours, and a note for every part of what it was given."""

import re
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from compression.pruning.config import Pruning
from compression.recipe import Recipe
from proxyless_nas.language.reading import text_of
from proxyless_nas.language.values import Place
from proxyless_nas.subject import Subject

Verdict = Literal["translated", "differs", "cannot be"]
Said = tuple[Verdict, str]
"""What a note says."""
COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)


class Note(Struct, frozen=True):
    """What became of one part of a file."""

    place: Place
    what: str
    """The part, as it is called there."""
    verdict: Verdict
    words: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}: {self.verdict}: {self.words}"


class Reading(Struct, frozen=True, kw_only=True):
    """A file that was read."""

    recipe: Recipe | None
    """None where nothing in it is done while a network learns."""
    notes: tuple[Note, ...]
    """In the order of the file."""
    pruning: Pruning | None = None
    """The file of the four steps of pruning, where it is about those."""

    def told(self) -> str:
        """All notes, a line each."""
        return "\n".join(map(str, self.notes))


class Reader(Struct, frozen=True, kw_only=True):
    """One dialect."""

    claims: Callable[[str], bool]
    """Whether a text is written in it."""
    read: Callable[[Sequence[str], Subject, int], Reading]
    """From files, a network, and the epochs that are learnt already."""


def of_one(
    read: Callable[[str, str, Subject, int], Reading], what: str
) -> Callable[[Sequence[str], Subject, int], Reading]:
    """A reader of files, of one that reads a text and is told its file.

    It refuses several files, and says `what` is one.
    """

    def read_file(files: Sequence[str], subject: Subject, learnt: int) -> Reading:
        if len(files) != 1:
            raise ValueError(f"{what} is one file, not {len(files)}")
        return read(text_of(files[0]), files[0], subject, learnt)

    return read_file


def uncommented(text: str) -> str:
    """A text without what stands behind a `#` at the start of a word."""
    return COMMENT.sub("", text)
