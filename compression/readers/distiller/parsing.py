"""A schedule's text as components and policies, each with its line; unknown words are refused."""

from typing import Any

from msgspec import Struct

from proxyless_nas.files import did_you_mean
from proxyless_nas.language.reading import parse_map
from proxyless_nas.language.values import Items, Map, Place, refuse

SECTIONS = {
    "pruners": "pruner",
    "regularizers": "regularizer",
    "quantizers": "quantizer",
    "lr_schedulers": "lr_scheduler",
    "extensions": "extension",
}
"""Sections of components, and what a policy calls one of them."""
TIMING = ("epochs", "starting_epoch", "ending_epoch", "frequency")
MOST = 100_000
"""Epochs up to which a policy may reach."""


class Component(Struct, frozen=True):
    """An instance of a class."""

    section: str
    name: str
    kind: str
    args: Map
    place: Place

    @property
    def told(self) -> str:
        """What people call it."""
        return f"{self.name} ({self.kind})"


class Timing(Struct, frozen=True):
    """Epochs at which something is done, in their order; `end` is the first behind them.

    `frequency` is None where they are named one by one.
    """

    epochs: tuple[int, ...]
    end: int
    frequency: int | None
    place: Place

    @property
    def begin(self) -> int:
        """The first."""
        return self.epochs[0]

    @property
    def every(self) -> int | None:
        """How far they lie apart, where that is the same everywhere; 1 for a single one."""
        apart = {later - one for one, later in zip(self.epochs, self.epochs[1:], strict=False)}
        return next(iter(apart)) if len(apart) == 1 else None if apart else 1


class PolicyOf(Struct, frozen=True):
    """When a component works, and how."""

    component: Component
    args: Map
    timing: Timing
    place: Place

    @property
    def told(self) -> str:
        """What people call it."""
        return f"policy of {self.component.name}"


class Schedule(Struct, frozen=True):
    """A whole file."""

    components: dict[tuple[str, str], Component]
    policies: tuple[PolicyOf, ...]


def parse(text: str, file: str) -> Schedule:
    """The schedule in a text. ValueError with FILE:LINE for what is no schedule."""
    content = parse_map(text, file, dotted=False)
    for key, _, place in content.lines():
        known = [*SECTIONS, "version", "policies"]
        if key not in known:
            refuse(place, (), f"a schedule has no section {key}{did_you_mean(key, known)}")
    components = {
        (section, name): _component(section, name, value, place)
        for section in SECTIONS
        for name, value, place in _map(content, section, Place(file, 1)).lines()
    }
    policies = content.get("policies", Items())
    if policies is None:
        policies = Items()
    if not isinstance(policies, Items):
        refuse(content.places["policies"], ("policies",), "a list of policies")
    return Schedule(
        components, tuple(_policy(one, place, components) for one, place in policies.lines())
    )


def _map(content: Map, key: str, place: Place) -> Map:
    """What stands below a key: a map; an empty one where nothing does."""
    found = content.get(key)
    if found is None:
        return Map()
    if not isinstance(found, Map):
        refuse(content.places.get(key, place), (key,), "a map of names and values")
    return found


def _component(section: str, name: str, value: Any, place: Place) -> Component:
    if not isinstance(value, Map) or not isinstance(value.get("class"), str):
        refuse(place, (section, name), "a map with a `class`")
    args = Map((key, one, at) for key, one, at in value.lines() if key != "class")
    return Component(section, name, value["class"], args, value.places["class"])


def _policy(value: Any, place: Place, components: dict[tuple[str, str], Component]) -> PolicyOf:
    if not isinstance(value, Map):
        refuse(place, ("policies",), "a policy is a map")
    for key, _, at in value.lines():
        known = [*SECTIONS.values(), *TIMING]
        if key not in known:
            refuse(at, (), f"a policy has no {key}{did_you_mean(key, known)}")
    whose = [(section, word) for section, word in SECTIONS.items() if word in value]
    if len(whose) != 1:
        refuse(place, (), f"a policy is of one of {', '.join(SECTIONS.values())}")
    section, word = whose[0]
    reference = _map(value, word, place)
    for key, _, at in reference.lines():
        if key not in ("instance_name", "args"):
            refuse(at, (), f"{word} takes no {key}{did_you_mean(key, ['instance_name', 'args'])}")
    name = reference.get("instance_name")
    if not isinstance(name, str):
        at = reference.places.get("instance_name", value.places[word])
        refuse(at, (word, "instance_name"), f"the name of one of the {section}")
    if (section, name) not in components:
        known = [one for home, one in components if home == section]
        hint = did_you_mean(name, known)
        refuse(value.places[word], (), f"{section} has no {name}{hint}")
    args = _map(reference, "args", place)
    return PolicyOf(components[section, name], args, _timing(value, place), place)


def _timing(value: Map, place: Place) -> Timing:
    given = [key for key in TIMING if key in value]
    at = value.places[given[0]] if given else place
    for key in given:
        _must_be_epochs(key, value[key], value.places[key])
    if given == ["epochs"]:
        epochs = tuple(value["epochs"]) if isinstance(value["epochs"], Items) else ()
        if not epochs or list(epochs) != sorted(set(epochs)) or epochs[0] < 0:
            refuse(at, ("epochs",), "a list of epochs that rise from 0 or later")
        return Timing(epochs, epochs[-1] + 1, None, at)
    if given != list(TIMING[1:]):
        refuse(at, (), "a policy has `epochs`, or all of starting_epoch, ending_epoch, frequency")
    begin, end, every = (value[key] for key in TIMING[1:])
    if not 0 <= begin < end or not 0 < every <= end - begin:
        refuse(
            at, (), f"epochs from {begin} to {end}, every {every}: 0 <= starting_epoch < "
            "ending_epoch, and a frequency that fits between"
        )  # fmt: skip
    return Timing(tuple(range(begin, end, every)), end, every, at)


def _must_be_epochs(key: str, value: Any, place: Place) -> None:
    """ValueError for what is no number of epochs, or, as `epochs`, no list of them."""
    listed = key == "epochs"
    for one in value if listed and isinstance(value, Items) else [value]:
        if not isinstance(one, int) or isinstance(one, bool):
            refuse(place, (key,), "whole numbers" if listed else "a whole number")
        if one > MOST:
            refuse(place, (key,), f"a policy reaches up to epoch {MOST:,}, not beyond")
