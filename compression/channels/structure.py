"""What stands in the tuples, lists and dicts that operations are called with and answer."""

from typing import Any, TypeVar

from torch.fx.node import map_aggregate

Kind = TypeVar("Kind")


def every(kind: type[Kind], values: Any) -> list[Kind]:
    """All values of a kind, in order, however deep."""
    found: list[Kind] = []
    map_aggregate(values, lambda one: found.append(one) if isinstance(one, kind) else one)
    return found
