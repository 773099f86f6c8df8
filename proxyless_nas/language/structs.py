"""Read a file in YAML as a struct: plain values, without references, and the line of a mistake."""

import math
from pathlib import Path as FilePath
from typing import Any, TypeVar

import msgspec

from proxyless_nas.files import Mistake
from proxyless_nas.language.reading import parse_map, text_of
from proxyless_nas.language.values import Arithmetic, Items, Map, Path, Place, refuse

T = TypeVar("T")
LEAST, MOST = -(2**63), 2**64 - 1


def read_yaml(path: str | FilePath, kind: type[T]) -> T:
    """What a file says, as `kind`.

    FileNotFoundError where there is none, ValueError with line and key for what is wrong in it.
    """
    found, top = parse_map(text_of(path), str(path), dotted=False), Place(str(path), 1)
    data = msgspec.json.encode(_plain(found, (), top))
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, ValueError) as error:
        mistake = Mistake.of(error, kind)
        keys = (*mistake.keys, *mistake.own)
        refuse(_nearest(found, keys, top), keys, mistake.what)


def _plain(value: Any, path: Path, place: Place) -> Any:
    """What JSON can hold; ValueError for what it cannot."""
    match value:
        case Map():
            return {key: _plain(one, (*path, key), line) for key, one, line in value.lines()}
        case Items():
            return [
                _plain(one, (*path, str(index)), line)
                for index, (one, line) in enumerate(value.lines())
            ]
        case Arithmetic():
            refuse(place, path, f"!arith {value.text}: nothing is computed here, write the number")
        case float() if not math.isfinite(value):
            refuse(place, path, f"{value} is no number to work with")
        case int() if not LEAST <= value <= MOST:
            refuse(place, path, "a whole number of more than 64 bits")
    return value


def _nearest(found: Map, path: Path, top: Place) -> Place:
    """The line of the last key on the way there."""
    value: Any = found
    for key in path:
        if isinstance(value, Map) and key in value:
            value, top = value[key], value.places[key]
        elif isinstance(value, Items) and key.isdecimal() and int(key) < len(value):
            value, top = value[int(key)], value.places[int(key)]
        else:
            break
    return top
