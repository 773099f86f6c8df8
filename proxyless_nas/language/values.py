"""What a file in the language holds: values that know the line they were written on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

Path = tuple[str, ...]
"""Keys from the top of a configuration down; a position in a list is its number from 0."""


@dataclass(frozen=True)
class Place:
    """A line, from 1, of a file or of what stands for one."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Map(dict[str, Any]):
    """Values by key; `places` has those of the keys."""

    def __init__(self, items: Iterable[tuple[str, Any, Place]] = ()) -> None:
        super().__init__()
        self.places: dict[str, Place] = {}
        for key, value, place in items:
            self.put(key, value, place)

    def put(self, key: str, value: Any, place: Place) -> None:
        """In the place of what was there."""
        self[key] = value
        self.places[key] = place

    def lines(self) -> Iterator[tuple[str, Any, Place]]:
        """Key, value and place of each."""
        return ((key, value, self.places[key]) for key, value in self.items())


class Items(list[Any]):
    """Values in a row; `places` are theirs."""

    def __init__(self, items: Iterable[tuple[Any, Place]] = ()) -> None:
        pairs = list(items)
        super().__init__(value for value, _ in pairs)
        self.places = [place for _, place in pairs]

    def lines(self) -> Iterator[tuple[Any, Place]]:
        """Value and place of each."""
        return zip(self, self.places, strict=True)


@dataclass(frozen=True)
class Arithmetic:
    """`!arith EXPRESSION`, not computed yet."""

    text: str


def words(path: Path) -> str:
    """A path as it is written; a dot within a key is escaped."""
    return ".".join(key.replace(".", r"\.") for key in path)


def refuse(
    place: Place | None, path: Path, reason: str, kind: type[ValueError] = ValueError
) -> NoReturn:
    """ValueError that says where in which file, at which key, and what is wrong."""
    where = f"{place}: " if place is not None else ""
    at = f"{words(path)}: " if path else ""
    raise kind(f"{where}{at}{reason}")
