"""Put one map on another, and split keys that stand for several."""

import re

from proxyless_nas.language.values import Map, Path

DOT = re.compile(r"(?<!\\)\.")


def merged(below: Map, above: Map) -> Map:
    """A new map: keys of both, maps under the same key merged, else what is above."""
    found = Map(below.lines())
    for key, value, place in above.lines():
        old = found.get(key)
        if isinstance(old, Map) and isinstance(value, Map):
            value = merged(old, value)
        found.put(key, value, place)
    return found


def split_key(key: str) -> Path:
    r"""`a.b` is b within a; `a\.b` is one key that has a dot."""
    return tuple(part.replace(r"\.", ".") for part in DOT.split(key))
