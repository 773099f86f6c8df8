"""Trees of YAML with some of their nodes replaced, renamed, deleted or said twice."""

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
ODD = ["null", "[]", "{}", "[1]", "[[1]]", "[null]", "[word]", "{a: 1}", "{1: 2}", "true", "-1",
       "0", "1", "3", "1.5", "1e-320", ".nan", ".inf", "-.inf", "1e300", "9" * 23, "9" * 400,
       "word", "''", "é", "a.b", "'*'", "'['", "$(model)", "$(.)", "$(..)", "!arith 1 +",
       "!arith 2.0 ** 4", f"!exec open('{TRACE}', 'w')", f"!eval open('{TRACE}', 'w')",
       f"!!python/object/apply:os.mkdir [{TRACE}]"]  # fmt: skip
DEEDS: list[Deed] = ["replace", "replace", "replace", "rename", "delete", "twice"]


def changes() -> st.SearchStrategy[list[Change]]:
    one = st.tuples(st.integers(0, 10_000), st.sampled_from(DEEDS), st.sampled_from(ODD))
    return st.lists(one, min_size=1, max_size=2)


def changed(text: str, done: list[Change]) -> str:
    """A file of YAML, its nodes changed one after another."""
    root = _node(text)
    for number, deed, odd in done:
        slots = list(_slots(root))
        if not slots:
            break
        held, index = slots[number % len(slots)]
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


def _node(text: str) -> yaml.Node:
    found = yaml.compose(text, Loader=yaml.SafeLoader)
    assert found is not None
    return found


def _slots(node: yaml.Node) -> Iterator[tuple[list[Any], int]]:
    """The list that holds a node, or a key and its node, and its place there: for all of them."""
    if isinstance(node, yaml.ScalarNode):
        return
    for index, held in enumerate(node.value):
        yield node.value, index
        yield from _slots(held[1] if isinstance(held, tuple) else held)
