"""Modules of a file: layers and a graph between them, within each other, with arguments."""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from proxyless_nas.counting import in_eval_mode
from proxyless_nas.described.edges import INPUT, OUTPUT, EdgeError, Graph, Wiring
from proxyless_nas.described.layers import JOINS, KINDS, TRAINING_ONLY, Sizes
from proxyless_nas.described.values import Values
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.config import Config
from proxyless_nas.language.values import Items, Map, Path, Place, refuse

MODULE = "module"
OWN_KEYS = ("type", "kwargs", "layers", "graph", "inputs", "outputs")
DEEPEST = 30
NOT_BUILT = ("overrider",)


class Wired(nn.Module):
    """Layers by name, and the order in which tensors pass through them."""

    def __init__(
        self, layers: Mapping[str, nn.Module], inputs: Sequence[str], wiring: Wiring
    ) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self._inputs, self._wiring = tuple(inputs), wiring

    def passed(self, *given: Tensor) -> Any:
        """[B, ...] for each input; a tensor, or as many as there are outputs."""
        tensors = dict(zip(self._inputs, given, strict=True))
        for step in self._wiring.steps:
            made = self.get_submodule(step.layer)(*(tensors[name] for name in step.sources))
            tensors.update(zip(step.makes, made if len(step.makes) > 1 else (made,), strict=True))
        found = tuple(tensors[name] for name in self._wiring.outputs)
        return found[0] if len(found) == 1 else found


class WiredNetwork(Wired):
    """With one input, as a tracer can follow it."""

    def forward(self, x: Tensor) -> Any:
        return self.passed(x)


class WiredJoin(Wired):
    """With several inputs."""

    def forward(self, *tensors: Tensor) -> Any:
        return self.passed(*tensors)


class Building:
    """Builds what a configuration describes."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def module(
        self, given: Map, path: Path, place: Place | None, inputs: Sequence[Sizes],
        arguments: Mapping[str, Any], depth: int = 0,
    ) -> tuple[nn.Module, tuple[Sizes, ...]]:  # fmt: skip
        """A module of layers and a graph, and the sizes of what it gives.

        ValueError with line and key for what is wrong.
        """
        if depth > DEEPEST:
            refuse(place, path, f"modules within {DEEPEST} modules: does one hold itself?")
        layers, graph = (given.get(key) for key in ("layers", "graph"))
        if isinstance(layers, str):
            layers = self._config.meaning(arguments).of(layers, (*path, "layers"), place)
        if not isinstance(layers, Map) or graph is None:
            refuse(place, path, "a module has layers, a map, and a graph")
        meaning = self._config.meaning(arguments)
        line = given.places["graph"]
        graph = meaning.of(graph, (*path, "graph"), line)
        names = self._names(given, "inputs", INPUT, path)
        if len(names) != len(inputs):
            refuse(
                place, path, f"takes {len(names)} inputs, not {len(inputs)}: "
                f"{', '.join(names)}", EdgeError,
            )  # fmt: skip
        wiring = Graph(graph, layers, names, (*path, "graph"), line).wiring(
            self._names(given, "outputs", OUTPUT, path)
        )
        built: dict[str, nn.Module] = {}
        sizes = dict(zip(names, inputs, strict=True))
        for step in wiring.steps:
            built[step.layer], made = self._layer(
                layers[step.layer], (*path, "layers", step.layer), layers.places[step.layer],
                [sizes[name] for name in step.sources], arguments, depth,
            )  # fmt: skip
            if len(made) != len(step.makes):
                refuse(
                    step.place, (*path, "graph"), f"{step.layer} gives {len(made)} tensors, "
                    f"not {len(step.makes)}", EdgeError,
                )  # fmt: skip
            sizes.update(zip(step.makes, made, strict=True))
        kind = WiredNetwork if len(names) == 1 else WiredJoin
        network = kind(built, names, wiring)
        return network, tuple(sizes[name] for name in wiring.outputs)

    def _names(self, given: Map, key: str, default: str, path: Path) -> tuple[str, ...]:
        names = given.get(key, Items())
        each = [names] if isinstance(names, str) else names
        if not isinstance(each, list) or not all(isinstance(one, str) for one in each):
            refuse(given.places[key], (*path, key), "a name, or a list of names")
        return tuple(each) or (default,)

    def _layer(
        self, given: Any, path: Path, place: Place, inputs: list[Sizes],
        arguments: Mapping[str, Any], depth: int,
    ) -> tuple[nn.Module, tuple[Sizes, ...]]:  # fmt: skip
        name = path[-1]
        if "." in name:
            refuse(place, path, "a layer's name has no dot")
        meaning = self._config.meaning(arguments)
        if isinstance(given, str):
            given = meaning.of(given, path, place)
        if not isinstance(given, Map):
            refuse(place, path, "a layer is a map with a type")
        kind = meaning.of(given.get("type"), (*path, "type"), place)
        if kind == MODULE:
            inner = self._arguments(given, path, arguments)
            return self.module(given, path, place, inputs, inner, depth + 1)
        if not isinstance(kind, str) or kind not in KINDS:
            hint = did_you_mean(str(kind), [*KINDS, MODULE])
            at = given.places.get("type", place)
            refuse(at, (*path, "type"), f"no kind of layer {kind!r}{hint}")
        if len(inputs) > 1 and kind not in JOINS:
            refuse(
                place, path, f"{kind} takes one input, not {len(inputs)}: join them first",
                EdgeError,
            )  # fmt: skip
        values = Values(meaning.of(given, path, place), path, place)
        for key in ("type", *NOT_BUILT, *TRAINING_ONLY):
            values.raw(key)
        try:
            layer = KINDS[kind](values, inputs)
        except (RuntimeError, OverflowError, MemoryError) as error:
            values.refuse(None, f"cannot be built: {str(error).splitlines()[0]}")
        values.nothing_else()
        return layer, (self._after(layer, inputs, values),)

    def _arguments(self, given: Map, path: Path, outer: Mapping[str, Any]) -> Mapping[str, Any]:
        """What `^(name)` means within a module: its own arguments, then those around it."""
        meaning = self._config.meaning(outer)
        defaults = given.get("kwargs") or Map()
        if not isinstance(defaults, Map):
            refuse(given.places["kwargs"], (*path, "kwargs"), "a map of arguments and defaults")
        own = {
            key: meaning.of(value, (*path, "kwargs", key), place)
            for key, value, place in defaults.lines()
        }
        for key, value, place in given.lines():
            if key in OWN_KEYS or key in NOT_BUILT or key.startswith("_"):
                continue
            if key not in own:
                hint = did_you_mean(key, [*own, *OWN_KEYS])
                refuse(place, (*path, key), f"the module has no argument {key}{hint}")
            own[key] = meaning.of(value, (*path, key), place)
        return ChainMap(own, dict(outer))

    def _after(self, layer: nn.Module, inputs: Sequence[Sizes], values: Values) -> Sizes:
        """The sizes of what a layer makes of maps of these sizes; nothing is computed."""
        tensors = {
            name: one.to("meta")
            for each in (layer.named_parameters(), layer.named_buffers())
            for name, one in each
        }
        images = tuple(torch.empty(1, *sizes, device="meta") for sizes in inputs)
        try:
            with in_eval_mode(layer), torch.no_grad():
                made = functional_call(layer, tensors, images)
        except (RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            values.refuse(None, f"does not take {' and '.join(map(str, inputs))}: {reason}")
        if any(side < 1 for side in made.shape[1:]):
            values.refuse(None, f"nothing is left of {' and '.join(map(str, inputs))}")
        return tuple(made.shape[1:])
