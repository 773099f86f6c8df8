"""Readers of what other tools call a recipe: one dialect per file or folder, and how to guess."""

from pathlib import Path
from typing import Literal

from compression.readers import decent_p, distiller, pocketflow
from compression.readers.reading import Note, Reader, Reading
from proxyless_nas.subject import Subject

Like = Literal["distiller", "pocketflow", "decent_p"]
READERS: dict[Like, Reader] = {
    "distiller": distiller.READER,
    "pocketflow": pocketflow.READER,
    "decent_p": decent_p.READER,
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
    path: str | Path, subject: Subject, like: Like | None = None, learnt: int = 0
) -> Reading:
    """What a file of another tool says of the network `subject`, as a recipe with notes.

    Without `like` the dialect is guessed. `learnt` epochs of it are over already.
    FileNotFoundError for no file, ValueError with FILE:LINE for what is wrong in it.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(f"no file {path}") from None
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise ValueError(f"{path} is no text file") from error
    return READERS[like or guess(text, str(path))].read(text, str(path), subject, learnt)
