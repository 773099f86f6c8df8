"""The network of a space that looks like MobileNetV2, as far as a budget allows."""

from itertools import product

from proxyless_nas import MBConv, Skip, Space
from search.prices import Prices
from search.problems import Architecture


def uniform_options(problem: Architecture, prices: Prices, budget: float) -> tuple[int, ...]:
    """Kernel 3, one expansion, one depth per stage, all widths alike: the dearest in the budget.

    Without one that fits, the cheapest.
    """
    edges = [problem.space.edges[index] for index in problem.space.searched]
    firsts = [i for i, edge in enumerate(edges) if not _skips(edge.examples())]
    stage = [i - max(first for first in firsts if first <= i) for i in range(len(edges))]
    expansions = range(len(_plain(edges[0].examples())))
    shapes = product(expansions, range(1, 2 + max(stage)), _even_widths(problem.space))
    found: list[tuple[float, tuple[int, ...]]] = []
    for rank, depth, width in shapes:
        blocks = tuple(
            _skips(edge.examples())[0] if stage[i] >= depth else _plain(edge.examples())[rank]
            for i, edge in enumerate(edges)
        )
        options = blocks + width
        found.append((prices.of(options), options))
    fitting = [one for one in found if one[0] <= budget]
    return max(fitting or [min(found)])[1]


def _even_widths(space: Space) -> list[tuple[int, ...]]:
    """Options of the widths, if they are searched, in which every stage takes its n-th width."""
    if not space.widths:
        return [()]
    columns = [sorted(set(column)) for column in zip(*space.widths, strict=True)]
    found: list[tuple[int, ...]] = []
    for index, way in enumerate(space.widths):
        pairs = zip(columns, way, strict=True)
        ranks = {column.index(width) for column, width in pairs if len(column) > 1}
        if len(ranks) == 1:
            found.append((index,))
    return found


def _skips(blocks: tuple[object, ...]) -> list[int]:
    return [index for index, block in enumerate(blocks) if isinstance(block, Skip)]


def _plain(blocks: tuple[object, ...]) -> list[int]:
    """Kernel 3, from the narrowest expansion to the widest."""
    return [i for i, b in enumerate(blocks) if isinstance(b, MBConv) and b.kernel == 3]
