"""A configuration: files and values merged in the order they are given, read when asked for."""

import contextlib
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

import yaml

from proxyless_nas.files import did_you_mean
from proxyless_nas.language.merging import merged, split_key
from proxyless_nas.language.reading import ARITHMETIC, parse_map, parse_value, read_map
from proxyless_nas.language.references import Meaning
from proxyless_nas.language.values import Arithmetic, Items, Map, Path, Place, words

COMMAND_LINE = "command line"


class Config:
    """What was merged so far. It is changed by making another."""

    def __init__(self, root: Map | None = None, top: Place | None = None) -> None:
        self.root = Map() if root is None else root
        self._top = top

    def with_file(self, path: str | FilePath) -> "Config":
        """On top; errors as `read_map`."""
        return Config(merged(self.root, read_map(path)), Place(str(path), 1))

    def with_text(self, text: str, name: str = "text") -> "Config":
        """On top; errors as `read_map`. It imports nothing."""
        return Config(merged(self.root, parse_map(text, name)), Place(name, 1))

    def with_value(self, word: str) -> "Config":
        """`a.b=VALUE` on top; the value is YAML and may hold `=`. ValueError as `read_map`."""
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise ValueError(f"{word!r} sets nothing: write key=value")
        place = Place(f"{COMMAND_LINE} ({key})", 1)
        found = parse_value(value, f"{COMMAND_LINE} ({key})")
        for one in reversed(split_key(key)):
            found = Map([(one, found, place)])
        return Config(merged(self.root, found), self._top)

    def with_values(self, values: Mapping[str, Any], name: str = "given") -> "Config":
        """On top, by dotted key; each is a number, a word, true, false or None."""
        root = self.root
        for key, found in values.items():
            place = Place(name, 1)
            for one in reversed(split_key(key)):
                found = Map([(one, found, place)])
            root = merged(root, found)
        return Config(root, self._top)

    def __contains__(self, key: str) -> bool:
        try:
            self.raw(key)
        except LookupError:
            return False
        return True

    def raw(self, key: str) -> Any:
        """What is written there, references and all; LookupError where nothing is."""
        return self._found(split_key(key))[0]

    def place(self, key: str) -> Place | None:
        """The line that it stands on; LookupError where nothing is."""
        return self._found(split_key(key))[1]

    def nearest(self, key: str) -> Place | None:
        """The line of the last key on the way there, else the top of the file merged last."""
        path = split_key(key)
        for end in range(len(path), 0, -1):
            with contextlib.suppress(LookupError):
                return self._found(path[:end])[1]
        return self._top

    def get(self, key: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """What stands there means, all the way down; LookupError where nothing stands there.

        ValueError, with line and key, for a reference or an expression that is wrong.
        """
        path = split_key(key)
        value, place = self._found(path)
        return self.meaning(arguments).of(value, path, place)

    def meaning(self, arguments: Mapping[str, Any] | None = None) -> Meaning:
        """To resolve values of this configuration."""
        return Meaning(self.root, arguments)

    def text(self) -> str:
        """All that was merged, as YAML that reads back the same."""
        return yaml.dump(
            _plain(self.root), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
        )

    def _found(self, path: Path) -> tuple[Any, Place | None]:
        found: Any = self.root
        place: Place | None = None
        for depth, key in enumerate(path):
            if isinstance(found, str) and depth:
                found = self.meaning().of(found, path[:depth], place)
            if not isinstance(found, Map) or key not in found:
                known = list(found) if isinstance(found, Map) else []
                raise LookupError(f"no key {words(path)}{did_you_mean(key, known)}")
            found, place = found[key], found.places[key]
        return found, place


class _Dumper(yaml.SafeDumper):
    """Writes arithmetic with its tag, and every value where it is used."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    Arithmetic, lambda dumper, value: dumper.represent_scalar(ARITHMETIC, value.text)
)


def _plain(value: Any) -> Any:
    match value:
        case Map():
            return {words((key,)): _plain(one) for key, one in value.items()}
        case Items():
            return [_plain(one) for one in value]
    return value
