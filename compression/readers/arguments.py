"""Arguments in a file as a struct; an unknown, missing or wrong one is refused with its line."""

from typing import Any, TypeVar

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from proxyless_nas.files import did_you_mean
from proxyless_nas.language.values import Items, Map, Place, refuse

Args = TypeVar("Args", bound=Struct)


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
        try:
            given[name] = msgspec.convert(_builtin(args[name]), field.type)
        except msgspec.ValidationError as error:
            refuse(args.places[name], (name,), str(error))
    try:
        return kind(**given)
    except ValueError as error:
        refuse(place, (), f"{whose}: {error}")


def _builtin(value: Any) -> Any:
    """Without places; what is no plain value stays, and is refused by its type."""
    if isinstance(value, Map):
        return {key: _builtin(own) for key, own in value.items()}
    return [_builtin(one) for one in value] if isinstance(value, Items) else value
