"""Readers of what other tools call a recipe: one dialect per file or folder, and how to guess."""

from collections.abc import Sequence
from typing import Literal

from compression.readers import decent_p, distiller, mayo, pocketflow
from compression.readers.reading import Note, Reader, Reading
from proxyless_nas.language.reading import text_of
from proxyless_nas.subject import Subject

Like = Literal["distiller", "pocketflow", "decent_p", "mayo"]
READERS: dict[Like, Reader] = {
    "distiller": distiller.READER,
    "pocketflow": pocketflow.READER,
    "decent_p": decent_p.READER,
    "mayo": mayo.READER,
}
"""Every dialect that is read, by the name that `--like` has for it."""

__all__ = ["READERS", "Like", "Note", "Reader", "Reading", "guess", "read_as"]


def guess(text: str, file: str) -> Like:
    """The dialect that a file is written in, told from what stands in it. ValueError for none."""
    found = guessed(text)
    if found is None:
        raise ValueError(f"{file} is in no dialect that is known here ({', '.join(READERS)})")
    return found


def guessed(text: str) -> Like | None:
    """The same; None where there is none."""
    return next((like for like, reader in READERS.items() if reader.claims(text)), None)


def read_as(
    files: Sequence[str], subject: Subject, like: Like | None = None, learnt: int = 0
) -> Reading:
    """What files of another tool say of the network `subject`, as a recipe with notes.

    Without `like` the dialect is guessed by the first. `learnt` epochs of it are over already.
    FileNotFoundError for no file, ValueError with FILE:LINE for what is wrong in one.
    """
    if not files:
        raise ValueError("nothing is read: name a file")
    return READERS[like or guess(text_of(files[0]), files[0])].read(files, subject, learnt)
