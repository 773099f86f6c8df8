"""The network of a space that looks like MobileNetV2, as far as a budget allows."""

from proxyless_nas import MBConv, Skip
from search.prices import Prices
from search.problems import Architecture


def uniform_options(problem: Architecture, prices: Prices, budget: float) -> tuple[int, ...]:
    """Kernel 3, one expansion, one depth per stage: the dearest such network within the budget."""
    found: list[tuple[float, tuple[int, ...]]] = []
    edges = [problem.space.edges[index] for index in problem.space.searched]
    firsts = [i for i, edge in enumerate(edges) if not _skips(edge.examples())]
    stage = [i - max(first for first in firsts if first <= i) for i in range(len(edges))]
    expansions = sorted(
        {block.mid for block in edges[0].examples() if isinstance(block, MBConv) and block.mid}
    )
    for rank in range(len(expansions)):
        for depth in range(1, 1 + max(stage) + 1):
            options = tuple(
                _skips(edge.examples())[0] if stage[i] >= depth else _plain(edge.examples(), rank)
                for i, edge in enumerate(edges)
            )
            found.append((prices.of(options), options))
    fitting = [one for one in found if one[0] <= budget]
    return max(fitting or [min(found)])[1]


def _skips(blocks: tuple[object, ...]) -> list[int]:
    return [index for index, block in enumerate(blocks) if isinstance(block, Skip)]


def _plain(blocks: tuple[object, ...], rank: int) -> int:
    small = [i for i, b in enumerate(blocks) if isinstance(b, MBConv) and b.kernel == 3]
    return small[rank]
