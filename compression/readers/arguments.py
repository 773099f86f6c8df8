"""Arguments in a file as a struct; an unknown, missing or wrong one is refused with its line."""

from collections.abc import Iterator
from math import isfinite
from typing import Any, TypeGuard, TypeVar

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from proxyless_nas.files import did_you_mean
from proxyless_nas.language.values import Items, Map, Place, refuse

Args = TypeVar("Args", bound=Struct)
LARGEST = 2**63
"""Whole numbers that a recipe holds are smaller."""


class WrongArgument(ValueError):
    """What is wrong with one argument, where a struct is made of all: `typed` adds its line."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key


def typed(kind: type[Args], args: Map, place: Place, whose: str) -> Args:
    """`args` as a struct. ValueError names an unknown, missing or wrong one, and its line."""
    known = {field.name: field for field in fields(kind)}
    for key, _, at in args.lines():
        if key not in known:
            refuse(at, (), f"{whose} takes no {key}{did_you_mean(key, list(known))}")
    given: dict[str, Any] = {}
    for name, field in known.items():
        if name not in args:
            if field.default is NODEFAULT and field.default_factory is NODEFAULT:
                refuse(place, (), f"{whose} needs {name}")
            continue
        value = _builtin(args[name])
        if not all(map(is_number, _numbers(value))):
            refuse(args.places[name], (name,), "a number is finite, and smaller than 2^63")
        try:
            given[name] = msgspec.convert(value, field.type)
        except msgspec.ValidationError as error:
            refuse(args.places[name], (name,), str(error))
    try:
        return kind(**given)
    except WrongArgument as error:
        refuse(args.places.get(error.key, place), (error.key,), str(error))
    except ValueError as error:
        refuse(place, (), f"{whose}: {error}")


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a number, no bool, that a recipe can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isfinite(value) if isinstance(value, float) else abs(value) < LARGEST


def _numbers(value: Any) -> Iterator[int | float]:
    """All within a plain value."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _numbers(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def _builtin(value: Any) -> Any:
    """Without places; what is no plain value stays, and is refused by its type."""
    if isinstance(value, Map):
        return {key: _builtin(own) for key, own in value.items()}
    return [_builtin(one) for one in value] if isinstance(value, Items) else value
