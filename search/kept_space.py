"""The space of a begun search, kept in its run folder: files change, a search goes on as begun."""

from pathlib import Path

from proxyless_nas import Space, named_space
from proxyless_nas.files import read_json, write_json

SPACE = "space.json"


def keep_space(folder: Path, space: Space) -> None:
    """Write space.json; ValueError where the search in `folder` was begun with another space."""
    file = folder / SPACE
    if not file.exists():
        write_json(file, space)
    elif read_json(file, Space) != space:
        raise ValueError(
            f"{space.name} has changed since the search in {folder} was begun: undo the change "
            f"({file} says what it was), or name another folder"
        )


def kept_space(folder: Path, name: str) -> Space:
    """The space of the search in `folder`: what was kept there, else what has that name now."""
    file = folder / SPACE
    return read_json(file, Space) if file.exists() else named_space(name)
