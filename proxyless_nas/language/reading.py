"""Read a file of the language: YAML's anchors and merge keys, dotted keys, and no code."""

import re
from pathlib import Path as FilePath
from typing import Any

import yaml

from proxyless_nas.language.merging import merged, split_key
from proxyless_nas.language.values import Arithmetic, Items, Map, Path, Place, refuse, words
from proxyless_nas.notice import notice

ARITHMETIC = "!arith"
IMPORT = "_import"
MERGE = "tag:yaml.org,2002:merge"
COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
PLAIN = ("null", "bool", "int", "float", "str")
MOST_VALUES = 200_000
DEEPEST = 100
SURROGATE = re.compile("[\ud800-\udfff]")
FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


def read_map(path: str | FilePath, importing: tuple[FilePath, ...] = ()) -> Map:
    """What a file says, on top of the files that it imports.

    FileNotFoundError where there is none, ValueError with line and key for what is wrong in it.
    """
    file = FilePath(path)
    own = parse_map(text_of(file), str(path))
    imports, place = own.pop(IMPORT, Items()), own.places.pop(IMPORT, Place(str(path), 1))
    if isinstance(imports, str):
        imports = [imports]
    if not isinstance(imports, list) or not all(isinstance(one, str) for one in imports):
        refuse(place, (IMPORT,), "a path or a list of paths, relative to this file")
    here, below = file.resolve(), Map()
    if here in importing:
        refuse(place, (IMPORT,), f"{path} is imported by a file that it imports")
    for one in imports:
        try:
            below = merged(below, read_map(file.parent / one, (*importing, here)))
        except FileNotFoundError as error:
            refuse(place, (IMPORT,), str(error))
    return merged(below, own)


def text_of(path: str | FilePath) -> str:
    """FileNotFoundError where there is no such file, ValueError where it holds no text."""
    try:
        return FilePath(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(f"no file {path}") from None
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise ValueError(f"{path} is no text file") from error


def parse_map(text: str, file: str, dotted: bool = True) -> Map:
    """The map that a text holds; an empty one holds an empty map. ValueError as `read_map`.

    Where keys are not `dotted`, a dot in one is part of a name.
    """
    found = _parsed(text, file, dotted)
    if found is None:
        return Map()
    if not isinstance(found, Map):
        refuse(Place(file, 1), (), "not a map of keys and values")
    return found


def parse_value(text: str, source: str) -> Any:
    """The value that a word of a command line holds."""
    return _parsed(text, source)


def _parsed(text: str, file: str, dotted: bool = True) -> Any:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(part for part in (error.context, error.problem) if part)
        refuse(Place(file, mark.line + 1 if mark else 1), (), f"no YAML: {reason}")
    except yaml.YAMLError as error:
        refuse(Place(file, 1), (), f"no YAML: {' '.join(str(error).split())}")
    except RecursionError:
        refuse(Place(file, 1), (), "nested too deeply")
    if node is None:
        return None
    try:
        return _Building(file, dotted).value(node, ())
    except RecursionError:
        refuse(Place(file, 1), (), "nested too deeply")


class _Building:
    """From nodes of YAML to values with places."""

    def __init__(self, file: str, dotted: bool) -> None:
        self._file, self._dotted = file, dotted
        self._open: set[int] = set()
        self._values = 0

    def place(self, node: yaml.Node) -> Place:
        return Place(self._file, node.start_mark.line + 1)

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._values += 1
        if self._values > MOST_VALUES:
            refuse(self.place(node), path, f"anchors expand to more than {MOST_VALUES:,} values")
        if len(path) > DEEPEST:
            refuse(self.place(node), (), f"nested too deeply: {DEEPEST} keys are the most")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            refuse(self.place(node), path, "an anchor that holds itself")
        if node.tag not in COLLECTIONS:
            self._refuse_tag(node, path)
        self._open.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            found: Any = Items(
                (self.value(one, (*path, str(index))), self.place(one))
                for index, one in enumerate(node.value)
            )
        else:
            found = self._map(node, path)
        self._open.remove(id(node))
        return found

    def _map(self, node: yaml.Node, path: Path) -> Map:
        below, own = Map(), Map()
        seen = set[str]()
        for key_node, value_node in node.value:
            place = self.place(key_node)
            if key_node.tag == MERGE:
                below = merged(below, self._merge_key(value_node, path))
                continue
            key = self._key(key_node, path)
            if key in seen:
                at = f"{place}: {words((*path, key))}"
                notice(f"{at} stands there twice; the later one counts")
            keys = split_key(key) if self._dotted else (key,)
            value = self.value(value_node, (*path, *keys))
            for outer in reversed(keys[1:]):
                value = Map([(outer, value, place)])
            if len(keys) == 1 and key in seen:
                own.put(key, value, place)
            else:
                own = merged(own, Map([(keys[0], value, place)]))
            seen.add(key)
        return Map([*((k, v, p) for k, v, p in below.lines() if k not in own), *own.lines()])

    def _merge_key(self, node: yaml.Node, path: Path) -> Map:
        """What `<<` brings; of several maps the first that has a key gives it."""
        each = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found = Map()
        for one in each:
            if not isinstance(one, yaml.MappingNode):
                refuse(self.place(one), (*path, "<<"), "a map, or a list of maps")
            brought = self.value(one, path)
            for key, value, place in brought.lines():
                if key not in found:
                    found.put(key, value, place)
        return found

    def _key(self, node: yaml.Node, path: Path) -> str:
        if isinstance(node, yaml.ScalarNode):
            self._must_be_text(node, path)
            kind = node.tag.rpartition(":")[2]
            if kind in ("str", "int") and node.value:
                return node.value
            if kind == "bool":
                refuse(
                    self.place(node), path, f"the key {node.value} means true or false: quote it"
                )
        refuse(self.place(node), path, "a key is a word")

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        self._must_be_text(node, path)
        if node.tag == ARITHMETIC:
            return Arithmetic(node.value)
        kind = node.tag.rpartition(":")[2]
        if kind == "timestamp":
            return node.value
        if node.tag.startswith("!") or kind not in PLAIN:
            self._refuse_tag(node, path)
        if kind == "str" and node.style is None and FLOAT.fullmatch(node.value):
            return float(node.value)  # 1e-4, which YAML 1.1 takes for a word
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (ValueError, yaml.YAMLError):
            refuse(self.place(node), path, f"{node.value!r} is no {kind}")

    def _must_be_text(self, node: yaml.ScalarNode, path: Path) -> None:
        if SURROGATE.search(node.value):
            refuse(self.place(node), path, f"{node.value!a} has half a character")

    def _refuse_tag(self, node: yaml.Node, path: Path) -> None:
        tag = node.tag.removeprefix("tag:yaml.org,2002:")
        refuse(
            self.place(node), path, f"the tag {tag} is not known here: no code is run from a file, "
            f"and {ARITHMETIC} computes"
        )  # fmt: skip
