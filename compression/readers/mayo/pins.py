"""Where overriders stand in Mayo's files: by layer and tensor, each with the line of its class."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from compression.readers.arguments import is_number
from compression.readers.mayo.layers import HELD
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.config import Config
from proxyless_nas.language.values import Items, Map, Path, Place, refuse

OVERRIDER, LAYERS, GRADIENT = "overrider", "layers", "gradient"
GATES = "gate_params"
EARLIER = {f"{key}_{OVERRIDER}": key for key in (*HELD, "activation")}
"""What earlier versions called what is within `overrider`: one overrider, or several in a row."""
KEYS = (*HELD, "activation", GRADIENT)
SLOPES = (*HELD, "error")


class Given(Struct, frozen=True):
    """An overrider as it is written."""

    name: str
    kind: str
    """Its class."""
    args: Map
    priority: float | None
    place: Place
    """Where its class is said."""

    @property
    def told(self) -> str:
        """What people call it."""
        return f"{self.name} ({self.kind})"


class Pin(Struct, frozen=True):
    """What stands over one tensor of a layer, in the order in which it is written."""

    layer: str
    key: str
    """`weights`, ..., or `gradient.weights`, ..."""
    each: tuple[Given, ...]
    place: Place


class Gate(Struct, frozen=True):
    """A layer that chooses its channels by what it is given."""

    layer: str
    args: Map
    place: Place


class Pins:
    """All of a configuration."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.pins: list[Pin] = []
        self.gates: list[Gate] = []
        self.layers: list[tuple[str, Place]] = []
        """Layers that are named, and where."""
        if "model.layers" in config:
            path, place = ("model", LAYERS), config.place("model.layers")
            layers = self._meant(config.raw("model.layers"), path, place)
            if not isinstance(layers, Map):
                refuse(place, path, "a map of layers")
            self._walk(layers, path, "")

    def _walk(self, layers: Map, path: Path, outer: str) -> None:
        for name, value, place in layers.lines():
            here = (*path, name)
            layer = self._meant(value, here, place) if path[-1] == LAYERS else value
            if name.startswith("_") or not isinstance(layer, Map):
                continue
            own = f"{outer}.{name}" if outer else name
            if GATES in layer:
                self._gate(own, layer, (*here, GATES))
            if OVERRIDER in layer:
                self._look_at(own, layer, (*here, OVERRIDER))
            for key in EARLIER:
                if key in layer:
                    self._in_a_row(own, layer, key, here)
            _must_be_spelt(layer, here)
            inner = self._meant(layer.get(LAYERS), (*here, LAYERS), layer.places.get(LAYERS))
            if isinstance(inner, Map):
                self._walk(inner, (*here, LAYERS), own)
            others = (
                one for one in layer.lines()
                if one[0] not in (OVERRIDER, LAYERS, GATES, *EARLIER) and isinstance(one[1], Map)
            )  # fmt: skip
            self._walk(Map(others), here, own)  # names of modules may have dots

    def _gate(self, layer: str, given: Map, path: Path) -> None:
        place = given.places[GATES]
        found = self._meant(given[GATES], path, place)
        if not isinstance(found, Map):
            refuse(place, path, "a map of what the gates are like")
        self.gates.append(Gate(layer, found, place))

    def _look_at(self, layer: str, given: Map, path: Path) -> None:
        place = given.places[OVERRIDER]
        found = self._config.meaning().of(given[OVERRIDER], path, place)
        for key, value, at in _lines(found, KEYS, place, path):
            if key != GRADIENT:
                self._pin(layer, key, value, at, path)
                continue
            for slope, one, line in _lines(value, SLOPES, at, (*path, key)):
                self._pin(layer, f"{key}.{slope}", one, line, path)
        self.layers.append((layer, place))

    def _in_a_row(self, layer: str, given: Map, key: str, path: Path) -> None:
        """Overriders of an earlier version, whose order is that in which they are written."""
        place = given.places[key]
        found = self._config.meaning().of(given[key], (*path, key), place)
        row = found.lines() if isinstance(found, Items) else [(found, place)]
        each = tuple(
            replace(given_of(f"{key} {number}", one, at, (*path, key)), priority=-number)
            for number, (one, at) in enumerate(row, 1)
        )
        self.layers.append((layer, place))
        self.pins.append(Pin(layer, EARLIER[key], each, place))

    def _pin(self, layer: str, key: str, value: Any, place: Place, path: Path) -> None:
        each = tuple(
            given_of(name, one, at, (*path, key, name))
            for name, one, at in _lines(value, (), place, (*path, key))
            if one is not None
        )
        if each:
            self.pins.append(Pin(layer, key, each, place))

    def _meant(self, value: Any, path: Path, place: Place | None) -> Any:
        """A reference to a map as that map; anything else as it is."""
        return self._config.meaning().of(value, path, place) if isinstance(value, str) else value


def _must_be_spelt(layer: Map, path: Path) -> None:
    """ValueError for what is told of tensors under a key that is nearly the one for it."""
    for key, value, place in layer.lines():
        if isinstance(value, Map) and key != OVERRIDER and {*KEYS} & {*value}:
            hint = did_you_mean(key, [OVERRIDER])
            if hint:
                refuse(place, path, f"a layer has no {key}{hint}")


def given_of(name: str, value: Any, place: Place, path: Path = ()) -> Given:
    """An overrider. ValueError with FILE:LINE for what is no map with a class."""
    if not isinstance(value, Map) or not isinstance(value.get("type"), str):
        refuse(place, path, "an overrider is a map with a `type`")
    priority = value.get("_priority")
    if priority is not None and not is_number(priority):
        refuse(value.places["_priority"], path, f"a _priority is a number, not {priority!r}")
    args = Map(one for one in value.lines() if one[0] != "type" and not one[0].startswith("_"))
    kind = value["type"].rpartition(".")[2]
    return Given(name, kind, args, priority, value.places["type"])


def _lines(
    value: Any, known: tuple[str, ...], place: Place, path: Path
) -> Iterator[tuple[str, Any, Place]]:
    """Keys, values and places of a map; of nothing where there is none."""
    if value is None:
        return
    if not isinstance(value, Map):
        refuse(place, path, "a map of names and overriders")
    for key, one, at in value.lines():
        if key.startswith("_"):
            continue
        if known and key not in known:
            refuse(at, path, f"nothing there is called {key}{did_you_mean(key, list(known))}")
        yield key, one, at
