"""Draw networks from a space so that their depth, and with it their latency, spreads wide."""

import numpy as np

from proxyless_nas.blocks import AnyBlock, Skip
from proxyless_nas.space import Space

PATIENCE = 1000  # draws in a row that bring nothing new


def sample_options(space: Space, count: int, seed: int) -> list[tuple[int, ...]]:
    """`count` choices of one option per decision, no two of which compute the same network.

    Each network first draws its own probability of skipping, uniformly from 0 to 1; then every
    edge that can be skipped is skipped with it, and otherwise takes one of its other candidates,
    each as likely; so do all options of trees, and of widths. Networks drawn with one fixed
    probability are all of about the same depth, and a table looks better on them than it is. This
    is NOT the uniform distribution over the space.

    ValueError when the space has too few networks.
    """
    generator = np.random.default_rng(seed)
    found: dict[tuple[AnyBlock, ...], tuple[int, ...]] = {}
    misses = 0
    while len(found) < count <= space.size and misses < PATIENCE:
        options = _draw(space, generator)
        computed = _computed(space, options)
        misses = misses + 1 if computed in found else 0
        found.setdefault(computed, options)
    if len(found) < count:
        raise ValueError(
            f"space {space.name} has too few different networks: {count} wanted, {space.size} ways "
            f"to choose; ask for fewer (--fit, --test, --networks)"
        )
    return list(found.values())


def _computed(space: Space, options: tuple[int, ...]) -> tuple[AnyBlock, ...]:
    """The blocks that do something: equal for choices that differ only in which edge is skipped."""
    blocks = space.network(options).blocks
    return tuple(block for block in blocks if not isinstance(block, Skip))


def _draw(space: Space, generator: np.random.Generator) -> tuple[int, ...]:
    skipping = generator.uniform()
    options: list[int] = []
    for edge in space.edges:
        if len(edge.counts) != 1:
            options += [int(generator.integers(count)) for count in edge.counts]
            continue
        blocks = list(enumerate(edge.examples()))
        skips = [i for i, block in blocks if isinstance(block, Skip)]
        others = [i for i, block in blocks if not isinstance(block, Skip)]
        pool = skips if skips and (not others or generator.uniform() < skipping) else others
        options.append(int(generator.choice(pool)))
    if space.widths:
        options.append(int(generator.integers(len(space.widths))))
    return tuple(options)
