"""Files in YAML of which some values are something else, are gone, or stand under another key."""

from collections.abc import Iterator

import yaml
from hypothesis import strategies as st

GONE = "gone"
ODD = (
    "", "null", "[]", "{}", "[1]", "[[1]]", "[null]", "[flatten]", "{a: 1}", "{type: flatten}",
    "true", "-1", "0", "1.5", ".inf", "-.inf", ".nan", "1e400", "9" * 40, "1e5", "x", "''", "input",
    "2020-01-01", "$(model)", "$(model.layers)", "$(steps)", "$(.)", "$(..)", "$(..logits)",
    "^(width)", "!arith '1 +'", "!arith f(1)", "!arith 9 ** 9 ** 9", "!exec x", "!!binary eA==",
    "!!set {a}", "!!python/name:os.system", r'"\uD800"', r'"\0"', "{1: 2}", "{[1]: 2}", "{on: 1}",
)  # fmt: skip
"""Values, as YAML."""
Change = tuple[int, bool, str]
"""Which node, whether its key is meant, and what takes its place."""
CHANGES = st.lists(
    st.tuples(st.integers(0, 500), st.sampled_from((False, False, False, True)),
              st.sampled_from((GONE, *ODD))),
    min_size=1, max_size=2,
)  # fmt: skip


def broken(text: str, changes: list[Change]) -> str:
    """The text with other values at some of its nodes."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for number, key, odd in changes:
        slots = list(_slots(root))
        if slots:
            _put(*slots[number % len(slots)][1:], key, odd)
    return yaml.serialize(root, Dumper=yaml.SafeDumper)


def node_at(text: str, *path: str) -> int:
    """The number of the node that stands under these keys; positions in lists are keys, too."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return [keys for keys, *_ in _slots(root)].index(path)


def _slots(
    node: yaml.Node, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], yaml.CollectionNode, int]]:
    """Every place of a value: its path, what holds it, and the position there."""
    if not isinstance(node, yaml.CollectionNode):
        return
    for index, each in enumerate(node.value):
        key, inner = (each[0].value, each[1]) if isinstance(each, tuple) else (str(index), each)
        own = (*path, key)
        yield own, node, index
        yield from _slots(inner, own)


def _put(parent: yaml.CollectionNode, index: int, key: bool, odd: str) -> None:
    if odd == GONE:
        del parent.value[index]
        return
    new = yaml.compose(odd or "''", Loader=yaml.SafeLoader)
    if not isinstance(parent.value[index], tuple):
        parent.value[index] = new
        return
    old_key, old = parent.value[index]
    parent.value[index] = (new, old) if key else (old_key, new)
