"""Which layers might stay in float: sets to try; only a clock knows what their borders cost."""

from collections.abc import Mapping
from itertools import accumulate, combinations_with_replacement

from compression.int8.graph import Kernel

SLOWER = 1.1  # times as long: what counts as slower, behind the noise of a single layer


def slower(before: Mapping[str, Kernel], after: Mapping[str, Kernel]) -> tuple[str, ...]:
    """Layers that take at least a tenth longer `after` than `before`, by node."""
    return tuple(
        node
        for node, kernel in before.items()
        if node in after and after[node].ms > SLOWER * kernel.ms
    )


def sets_to_try(
    before: Mapping[str, Kernel], after: Mapping[str, Kernel]
) -> dict[str, tuple[str, ...]]:
    """By name, sets of layers that may be worth keeping as they were `before`, in this order.

    A layer between others pays for two borders, at which numbers are converted and turned around.
    So, besides all `slower` ones: the `first` alone, and the `ends`, all layers but the run of
    them that wins most in int8, where what is not slower by a tenth counts as won.
    """
    nodes = [node for node in before if node in after]
    start, end = _run([SLOWER * before[node].ms - after[node].ms for node in nodes])
    late = slower(before, after)
    sets = {
        "first": tuple(node for node in nodes[:1] if node in late),
        "ends": (*nodes[:start], *nodes[end:]),
        "slower": late,
    }
    found: dict[str, tuple[str, ...]] = {}
    for name, one in sets.items():
        if 0 < len(one) < len(nodes) and one not in found.values():
            found[name] = one
    return found


def _run(won: list[float]) -> tuple[int, int]:
    """Which neighbours win most together: the first, and the one behind the last; maybe none."""
    sums = [0.0, *accumulate(won)]
    places = combinations_with_replacement(range(len(sums)), 2)
    return max(places, key=lambda run: sums[run[1]] - sums[run[0]])
