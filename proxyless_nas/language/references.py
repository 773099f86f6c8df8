"""Say what values mean: references, names of a module's arguments, and arithmetic."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxyless_nas.language.arithmetic import compute
from proxyless_nas.language.merging import split_key
from proxyless_nas.language.values import Arithmetic, Items, Map, Path, Place, refuse, words

REFERENCE = re.compile(r"\$\(([^()]*)\)")
ARGUMENT = re.compile(r"\^\(([^()]*)\)")
MOST_VALUES = 200_000
LONGEST = 100_000
NOTHING = object()


@dataclass(frozen=True)
class Meaning:
    """Resolves values of the map `root`; `arguments` are what `^(name)` stands for, if anything.

    `$(a.b)` is the value at a.b, `$(.c)` the one beside, `$(..c)` one map further up. Where a
    reference is all of a value, it is the object that is meant, else its text. Everything is read
    when it is asked for: what is put into the root later is seen.
    """

    root: Map
    arguments: Mapping[str, Any] | None = None

    def of(self, value: Any, path: Path, place: Place | None) -> Any:
        """What `value`, which stands at `path`, means; ValueError names line and key."""
        try:
            return _Resolving(self).value(value, path, place, ())
        except RecursionError:
            refuse(place, path, "nested too deeply")


class _Resolving:
    """One question; it counts how much it has answered, since references can multiply."""

    def __init__(self, meaning: Meaning) -> None:
        self._root, self._arguments = meaning.root, meaning.arguments
        self._values = 0

    def value(self, value: Any, path: Path, place: Place | None, via: tuple[Path, ...]) -> Any:
        self._values += 1
        if self._values > MOST_VALUES:
            refuse(place, path, f"references expand to more than {MOST_VALUES:,} values")
        match value:
            case Map():
                return Map(
                    (key, self.value(one, (*path, key), line, via), line)
                    for key, one, line in value.lines()
                )
            case Items():
                return Items(
                    (self.value(one, (*path, str(index)), line, via), line)
                    for index, (one, line) in enumerate(value.lines())
                )
            case Arithmetic():
                text = self._text(value.text, path, place, via)
                if not isinstance(text, str) or (self._arguments is None and ARGUMENT.search(text)):
                    return value if isinstance(text, str) else text
                try:
                    return compute(text)
                except ValueError as error:
                    refuse(place, path, f"!arith: {error}")
            case str():
                return self._text(value, path, place, via)
        return value

    def _text(self, text: str, path: Path, place: Place | None, via: tuple[Path, ...]) -> Any:
        """With references and arguments in it replaced; the object itself where it is one alone."""
        for pattern, find in ((ARGUMENT, self._argument), (REFERENCE, self._reference)):
            if pattern is ARGUMENT and self._arguments is None:
                continue
            alone = pattern.fullmatch(text.strip())
            if alone is not None:
                return find(alone[1], path, place, via)
            parts: list[str] = []
            end = 0
            for match in pattern.finditer(text):
                found = find(match[1], path, place, via)
                if isinstance(found, Map):
                    refuse(place, path, f"{match[0]} is a map: it cannot be a part of a text")
                parts += [text[end : match.start()], _written(found)]
                end = match.end()
            text = "".join(parts) + text[end:]
            if len(text) > LONGEST:
                refuse(place, path, f"references expand to more than {LONGEST:,} characters")
        return text

    def _argument(self, name: str, path: Path, place: Place | None, via: tuple[Path, ...]) -> Any:
        assert self._arguments is not None
        if name not in self._arguments:
            refuse(place, path, f"the module has no argument {name}{_near(name, self._arguments)}")
        return self._arguments[name]

    def _reference(self, name: str, path: Path, place: Place | None, via: tuple[Path, ...]) -> Any:
        target = target_of(name, path)
        if target is None:
            refuse(place, path, f"$({name}) leads nowhere")
        if path in via or any(one[: len(target)] == target for one in (*via, path)):
            chain = " -> ".join(words(one) for one in (*via, path, target))
            refuse(place, path, f"a reference that comes back to itself: {chain}")
        found: Any = self._root
        line = place
        for depth, key in enumerate(target):
            if isinstance(found, str) and depth:  # on the way stands a reference to a map
                found = self.value(found, target[:depth], line, (*via, path))
            if isinstance(found, Map) and key in found:
                found, line = found[key], found.places[key]
            elif isinstance(found, Items) and key.isdecimal() and int(key) < len(found):
                found, line = found[int(key)], found.places[int(key)]
            else:
                known = found if isinstance(found, Map) else {}
                refuse(place, path, f"$({name}): there is no {words(target)}{_near(key, known)}")
        return self.value(found, target, line, (*via, path))


def target_of(name: str, path: Path) -> Path | None:
    """Where `$(name)`, which stands at `path`, leads; None where it leads nowhere."""
    up = len(name) - len(name.lstrip("."))
    if up >= len(path) + 1 or not name[up:]:
        return None
    return (*(path[: len(path) - up] if up else ()), *split_key(name[up:]))


def _near(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _written(value: Any) -> str:
    """A value within a text, as YAML writes it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case Items():
            return f"[{', '.join(_written(one) for one in value)}]"
    return str(value)
