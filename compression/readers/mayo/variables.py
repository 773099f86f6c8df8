"""Variables that Mayo's searches move: patterns of LAYER/TENSOR/CLASS.PARAMETER."""

import re
from collections.abc import Iterator

from msgspec.structs import fields

from compression.readers.arguments import is_number
from compression.readers.mayo.classes import CLASSES
from compression.readers.mayo.files import section
from compression.readers.mayo.layers import Layers
from compression.readers.mayo.pins import KEYS
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.config import Config
from proxyless_nas.language.values import Map, Path, Place, refuse

VARIABLES = ("search", "variables")
TENSORS = tuple(f"/{key}" for key in KEYS)
RANGE = ("from", "to", "step", "min_step")


def must_be_variables(config: Config, layers: Layers) -> None:
    """ValueError with FILE:LINE for what is no pattern, fits nothing, or says no range."""
    section(config, ".".join(VARIABLES))
    if ".".join(VARIABLES) not in config:
        return
    names: list[str] | None = None
    for pattern, value, place in _patterns(config.get(".".join(VARIABLES))):
        path = (*VARIABLES, pattern)
        _must_be_a_range(value, place, path)
        try:
            fits = re.compile(pattern)
        except re.error as error:
            refuse(place, path, f"it is no pattern: {error}")
        names = _all(layers) if names is None else names
        if not any(map(fits.search, names)):
            _refuse_what_fits_nothing(pattern, layers, place, path)


def _patterns(found: Map, outer: str = "") -> Iterator[tuple[str, object, Place]]:
    """Each with what it says; a dot in a key that is not escaped has made two keys of it."""
    for key, value, place in found.lines():
        if isinstance(value, Map) and any(isinstance(one, Map) for one in value.values()):
            yield from _patterns(value, f"{outer}{key}.")
        else:
            yield f"{outer}{key}", value, place


def _must_be_a_range(value: object, place: Place, path: Path) -> None:
    if not isinstance(value, Map):
        refuse(place, path, f"a map of {', '.join(RANGE)}")
    for key, one, at in value.lines():
        if key not in RANGE:
            refuse(at, path, f"a variable has no {key}{did_you_mean(key, list(RANGE))}")
        if not is_number(one):
            refuse(at, (*path, key), f"{one!r} is no number")


def _all(layers: Layers) -> list[str]:
    """What Mayo calls the parameters that overriders can have in this network."""
    return [
        f"{layer.replace('.', '/')}{tensor}/{name}.{field.name}"
        for layer in layers.names()
        for tensor in ("", *TENSORS)
        for name, kind in CLASSES.items()
        for field in fields(kind.args)
    ]


def _refuse_what_fits_nothing(pattern: str, layers: Layers, place: Place, path: Path) -> None:
    """ValueError, but for a layer that is described and leads nowhere."""
    layer = f"/{pattern}".rpartition("/")[0]
    for tensor in TENSORS:
        layer = layer.removesuffix(tensor)
    if not layer or layers.built(layer[1:].replace("/", "."), place):
        refuse(place, path, "no overrider has such a parameter: write LAYER/CLASS.PARAMETER")
