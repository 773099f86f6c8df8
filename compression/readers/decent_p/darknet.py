"""The `[pruning]` section that darknet's pruner reads: `key=value`, a line each."""

import re

from proxyless_nas.language.values import Map, Place, refuse

SECTION = re.compile(r"^\s*\[pruning\]\s*$", re.MULTILINE)
WHOLE = re.compile(r"[+-]?\d{1,18}")
BROKEN = re.compile(r"[+-]?(?:\d{1,18}\.\d{0,18}|\.\d{1,18})(?:[eE][+-]?\d{1,2})?")


def claims(text: str) -> bool:
    """Whether there is such a section."""
    return bool(SECTION.search(text))


def parse(text: str, file: str) -> Map:
    """Its keys, with numbers where numbers stand. ValueError with FILE:LINE for what is no pair."""
    found = Map()
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        place, said = Place(file, number), line.strip()
        if not said or said[0] in "#;":
            continue
        if SECTION.fullmatch(said):
            inside = True
            continue
        key, equals, value = (part.strip() for part in said.partition("="))
        if not inside or not equals or not key or not value:
            refuse(place, (), f"[pruning] holds lines key=value, not {said}")
        if key in found:
            refuse(place, (key,), f"it stands at line {found.places[key].line} already")
        found.put(key, _plain(value), place)
    return found


def _plain(value: str) -> str | int | float:
    if WHOLE.fullmatch(value):
        return int(value)
    return float(value) if BROKEN.fullmatch(value) else value
