"""Read the values of a layer: each key once, of the kind it must have, and none that is unknown."""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from proxyless_nas.files import did_you_mean
from proxyless_nas.language.values import Items, Map, Path, Place, refuse

T = TypeVar("T")
MOST = 1_000_000


class Values:
    """The map of one layer, at `path`; `path` and lines go into each ValueError."""

    def __init__(self, given: Map, path: Path, place: Place | None) -> None:
        self._given, self.path, self.place = given, path, place
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._given

    def raw(self, key: str, default: Any = None) -> Any:
        """As it is."""
        self._asked.add(key)
        return self._given.get(key, default)

    def must(self, key: str, read: Callable[[Any], T], wanted: str) -> T:
        """What `read` makes of a key that must be there; `wanted` tells what it should be."""
        if key not in self:
            near = did_you_mean(key, list(self._given))
            self.refuse(key, f"is missing{near}: {wanted}")
        return self.get(key, read, wanted)

    def get(self, key: str, read: Callable[[Any], T], wanted: str, default: Any = None) -> T:
        """What `read` makes of a key; it raises TypeError or ValueError where it cannot."""
        value = self.raw(key, default)
        try:
            return read(value)
        except (TypeError, ValueError):
            self.refuse(key, f"{value!r} is not {wanted}")

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number from 1 to a million."""
        wanted = "a whole number from 1 to a million"
        if default is None:
            return self.must(key, whole, wanted)
        return self.get(key, whole, wanted, default)

    def number(self, key: str, default: float) -> float:
        """Any number."""
        return self.get(key, number, "a number", default)

    def truth(self, key: str, default: bool) -> bool:
        """true or false."""
        return self.get(key, truth, "true or false", default)

    def pair(self, key: str, default: int | None = None) -> tuple[int, int]:
        """Of height and width; one number stands for both."""
        wanted = "a whole number from 1 to a million, or two"
        if default is None:
            return self.must(key, pair, wanted)
        return self.get(key, pair, wanted, default)

    def refuse(self, key: str | None, reason: str) -> NoReturn:
        """ValueError at this key, or at the layer."""
        if key is None:
            refuse(self.place, self.path, reason)
        refuse(self._given.places.get(key, self.place), (*self.path, key), reason)

    def nothing_else(self) -> None:
        """ValueError for a key that nobody has asked for; those with `_` in front are notes."""
        for key in self._given:
            if key not in self._asked and not key.startswith("_"):
                self.refuse(key, f"no such key here{did_you_mean(key, sorted(self._asked))}")


def whole(value: Any) -> int:
    """A whole number from 1 to a million; TypeError for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
        raise TypeError
    return value


def number(value: Any) -> float:
    """A number; TypeError for anything else."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError
    return float(value)


def truth(value: Any) -> bool:
    """true or false; TypeError for anything else."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def pair(value: Any) -> tuple[int, int]:
    """One number from 1 for both, or two; TypeError for anything else."""
    if isinstance(value, (Items, list, tuple)):
        if len(value) != 2:
            raise TypeError
        return whole(value[0]), whole(value[1])
    return whole(value), whole(value)
