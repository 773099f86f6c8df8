"""What every reader answers: a file of ours, and a note for every part of what it was given."""

import re
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from compression.pruning.config import Pruning
from compression.recipe import Recipe
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
    read: Callable[[str, str, Subject, int], Reading]
    """From a text, its file, a network, and the epochs that are learnt already."""


def uncommented(text: str) -> str:
    """A text without what stands behind a `#` at the start of a word."""
    return COMMENT.sub("", text)
