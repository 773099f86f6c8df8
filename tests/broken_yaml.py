"""Files in YAML some of whose nodes are something else, renamed, deleted or said twice."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Literal

import yaml
from hypothesis import strategies as st

Deed = Literal["replace", "rename", "delete", "twice"]
Change = tuple[int, Deed, str]
"""Which node, what is done to it, and what comes in its place."""
TRACE = "trace_of_code"
"""A file that is there once code of a file was run."""
ODD = (
    "", "null", "[]", "{}", "[1]", "[[1]]", "[null]", "[flatten]", "{a: 1}", "{type: flatten}",
    "{1: 2}", "{[1]: 2}", "{on: 1}", "true", "-1", "0", "1", "3", "1.5", "1e-320", "1e300", "1e400",
    "1e5", ".inf", "-.inf", ".nan", "9" * 23, "9" * 400, "word", "''", "é", "a.b", "'*'", "'['",
    "input", "2020-01-01", "$(model)", "$(model.layers)", "$(steps)", "$(.)", "$(..)",
    "$(..logits)", "^(width)", "!arith '1 +'", "!arith f(1)", "!arith 2.0 ** 4",
    "!arith 9 ** 9 ** 9",
    f"!exec open('{TRACE}', 'w')", f"!eval open('{TRACE}', 'w')", "!!binary eA==", "!!set {a}",
    f"!!python/object/apply:os.mkdir [{TRACE}]", r'"\uD800"', r'"\0"',
)  # fmt: skip
"""Values, as YAML."""
DEEDS: list[Deed] = ["replace", "replace", "replace", "rename", "delete", "twice"]


def changes() -> st.SearchStrategy[list[Change]]:
    """One or two of any kind."""
    one = st.tuples(st.integers(0, 10_000), st.sampled_from(DEEDS), st.sampled_from(ODD))
    return st.lists(one, min_size=1, max_size=2)


def changed(text: str, done: list[Change]) -> str:
    """A file of YAML, its nodes changed one after another."""
    root = _node(text)
    for number, deed, odd in done:
        slots = list(_slots(root))
        if not slots:
            break
        _, held, index = slots[number % len(slots)]
        if deed == "delete":
            del held[index]
        elif deed == "twice":
            held.insert(index, deepcopy(held[index]))
        elif isinstance(held[index], tuple):
            key, value = held[index]
            held[index] = (key, _node(odd)) if deed == "replace" else (_node(odd), value)
        else:
            held[index] = _node(odd)
    return yaml.serialize(root, Dumper=yaml.SafeDumper, allow_unicode=True)


def node_at(text: str, *path: str) -> int:
    """The number of the node that stands under these keys; positions in lists are keys, too."""
    return [keys for keys, *_ in _slots(_node(text))].index(path)


def _node(text: str) -> yaml.Node:
    found = yaml.compose(text or "''", Loader=yaml.SafeLoader)
    assert found is not None
    return found


def _slots(
    node: yaml.Node, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], list[Any], int]]:
    """Every node, or key and node: its path, the list that holds it, and its place there."""
    if isinstance(node, yaml.ScalarNode):
        return
    for index, held in enumerate(node.value):
        key, inner = (
            (str(held[0].value), held[1]) if isinstance(held, tuple) else (str(index), held)
        )
        own = (*path, key)
        yield own, node.value, index
        yield from _slots(inner, own)
