"""The graph of a module: its edges in words, which of them are needed, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from proxyless_nas.files import did_you_mean
from proxyless_nas.language.values import Items, Map, Path, Place, refuse

KEYS = ("from", "with", "to")
INPUT, OUTPUT = "input", "output"


class EdgeError(ValueError):
    """A tensor that two edges make, or several that go where one is taken."""


class GraphIOError(ValueError):
    """No way from the inputs to an output."""


class GraphCyclicError(ValueError):
    """A way that comes back to itself."""


class UndefinedLayerError(ValueError):
    """An edge through a layer that the module does not have."""


@dataclass(frozen=True)
class Step:
    """A layer between tensors; tensors that only have another name are no steps."""

    layer: str
    sources: tuple[str, ...]
    makes: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Wiring:
    """What a module does, in order, and which tensors it gives."""

    steps: tuple[Step, ...]
    outputs: tuple[str, ...]


class Graph:
    """The edges of one module. Each layer's name is the name of what it makes, too."""

    def __init__(
        self, edges: Any, layers: Map, inputs: Sequence[str], path: Path, place: Place | None
    ) -> None:
        self._path, self._place, self._layers = path, place, layers
        self._inputs = tuple(inputs)
        self._steps: dict[str, Step] = {}  # by the tensors that they make
        self._names: dict[str, str] = {}  # another name: the tensor
        each = list(edges.lines()) if isinstance(edges, Items) else [(edges, place)]
        if not each:
            self._refuse(place, "a graph without edges")
        for edge, line in each:
            self._add(edge, line)

    def wiring(self, outputs: Sequence[str] = (OUTPUT,)) -> Wiring:
        """What leads to the outputs, in order; the rest is left out.

        GraphIOError where nothing leads there from an input, GraphCyclicError for a circle.
        """
        order: list[Step] = []
        for output in outputs:
            if output not in self._names and output not in self._steps:
                hint = did_you_mean(output, [*self._names, *self._steps])
                self._refuse(self._place, f"no edge leads to {output}{hint}", GraphIOError)
            try:
                self._visit(output, order, [])
            except RecursionError:
                self._refuse(self._place, f"too many steps in a row lead to {output}", GraphIOError)
        made = tuple(self._tensor(output) for output in outputs)
        reached = set(self._inputs)
        for step in order:
            if reached & set(step.sources):
                reached.update(step.makes)
        for output, tensor in zip(outputs, made, strict=True):
            if tensor not in reached:
                inputs = " or ".join(self._inputs)
                self._refuse(self._place, f"no way from {inputs} to {output}", GraphIOError)
        return Wiring(tuple(order), made)

    def _add(self, edge: Any, line: Place | None) -> None:
        if not isinstance(edge, Map):
            self._refuse(line, "an edge is a map of from, with and to")
        for key in edge:
            if key not in KEYS:
                hint = did_you_mean(key, list(KEYS))
                self._refuse(edge.places[key], f"an edge has no {key}{hint}")
        for key in ("from", "to"):
            if key not in edge:
                self._refuse(line, f"an edge without {key}")
        place = edge.places["from"]
        before, after = (self._words(edge, key) for key in ("from", "to"))
        layers = [] if edge.get("with") is None else self._words(edge, "with")
        if not layers:
            self._rename(before, after, place)
            return
        for index, layer in enumerate(layers):
            if layer not in self._layers or layer.startswith("_"):
                hint = did_you_mean(layer, [one for one in self._layers if one[:1] != "_"])
                self._refuse(place, f"there is no layer {layer}{hint}", UndefinedLayerError)
            last = index == len(layers) - 1
            several = last and len(after) > 1
            makes = tuple(f"{layer}:{n}" for n in range(len(after))) if several else (layer,)
            for tensor in makes:
                if tensor in self._steps or tensor in self._names or tensor in self._inputs:
                    self._refuse(place, f"{tensor} is made twice", EdgeError)
            step = Step(layer, tuple(before), makes, place)
            self._steps.update(dict.fromkeys(makes, step))
            if last:
                self._rename(list(makes), after, place)
            before = [layer]

    def _rename(self, before: list[str], after: list[str], place: Place) -> None:
        if len(before) != len(after):
            self._refuse(
                place, f"{len(before)} tensors cannot be {len(after)}: a layer must be between",
                EdgeError,
            )  # fmt: skip
        for old, new in zip(before, after, strict=True):
            if old == new and old in self._steps:
                continue
            if new == old:
                self._refuse(place, f"{new} leads to itself", GraphCyclicError)
            if new in self._names or new in self._steps or new in self._inputs:
                self._refuse(place, f"{new} is made twice", EdgeError)
            self._names[new] = old

    def _words(self, edge: Map, key: str) -> list[str]:
        value, place = edge[key], edge.places[key]
        each = list(value) if isinstance(value, Items) else [value]
        if not each or not all(isinstance(one, str) and one for one in each):
            self._refuse(place, f"{key}: a name, or a list of names, not {value!r}")
        return each

    def _tensor(self, name: str) -> str:
        while name in self._names:
            name = self._names[name]
        return name

    def _visit(self, name: str, order: list[Step], way: list[str]) -> None:
        """What is needed for a name goes into the order before it."""
        if name in way:
            circle = " -> ".join([*way[way.index(name) :], name])
            self._refuse(self._place, f"a circle: {circle}", GraphCyclicError)
        if name in self._names:
            self._visit(self._names[name], order, [*way, name])
            return
        if name in self._inputs:
            return
        step = self._steps.get(name)
        if step is None:
            hint = did_you_mean(name, [*self._inputs, *self._names, *self._steps])
            place = self._place
            for one in self._steps.values():
                place = one.place if name in one.sources else place
            self._refuse(place, f"nothing makes {name}{hint}", GraphIOError)
        if any(one.makes == step.makes for one in order):
            return
        for source in step.sources:
            self._visit(source, order, [*way, name])
        order.append(
            Step(step.layer, tuple(map(self._tensor, step.sources)), step.makes, step.place)
        )

    def _refuse(
        self, place: Place | None, reason: str, kind: type[ValueError] = EdgeError
    ) -> NoReturn:
        refuse(place, self._path, reason, kind)
