"""The recipe that a training is given: one of ours, or a file of another tool, read first."""

from collections.abc import Callable
from pathlib import Path

from compression.readers import guessed, read_as
from compression.recipe import Recipe, read_recipe
from proxyless_nas.subject import Subject


def open_recipe(
    path: str | Path, folder: Path | None, subject: Callable[[], Subject]
) -> tuple[Recipe, str]:
    """The recipe in a file for a network, and what its reader has to say, if one was needed.

    Errors as for `read_recipe` and `read_as`; ValueError where a file says nothing of a training.
    """
    file = Path(path)
    if not file.is_file() or guessed(file.read_text(encoding="utf-8", errors="replace")) is None:
        return read_recipe(path, folder), ""
    found = read_as([str(path)], subject())
    if found.pruning is not None:
        steps = "`python -m compression read` writes the file of these steps"
        raise ValueError(f"{path} prunes in four steps, ahead of a training: {steps}")
    if found.recipe is None:
        raise ValueError(f"nothing in {path} is done while a network learns:\n{found.told()}")
    return found.recipe, found.told()
