"""Limits that every network of a search obeys, because candidates beyond them are left out."""

from msgspec.structs import replace

from latency_tables.cost import PeakActivation
from proxyless_nas import Space
from proxyless_nas.edges import Edge


def within_memory(space: Space, most: float) -> Space:
    """The networks of `space` whose feature maps need at most `most` bytes at once, as float32.

    Blocks run one after another, so a network needs as much as its most demanding block, and what
    fits is what has only blocks that fit: nothing has to be weighed against anything. ValueError
    where the stem, the head or every candidate of an edge needs more; it names the least limit.
    """
    cost = PeakActivation()
    ends = [
        cost.block(block, shape)
        for name, block, shape in space.network(space.first).placed()
        if not name.startswith("blocks.")
    ]
    if space.widths:
        raise ValueError(
            f"what a block of space {space.name} needs depends on the widths that are chosen, so "
            "--peak-memory cannot leave candidates out: give each stage one width"
        )
    least, edges = max(ends), list[Edge]()
    for edge, shape in space.placed():
        if not isinstance(edge, Edge):
            raise ValueError(
                f"space {space.name} consists of trees, whose paths run side by side: what they "
                "need at once is no property of single candidates, so --peak-memory cannot limit it"
            )
        needs = [cost.block(candidate, shape) for candidate in edge.candidates]
        least = max(least, min(needs))
        kept = zip(edge.candidates, needs, strict=True)
        edges.append(Edge(tuple(one for one, need in kept if need <= most) or edge.candidates))
    if most < least:
        raise ValueError(
            f"--peak-memory {most:g} cannot be met: some part of every network of space "
            f"{space.name} needs {least:,.0f} bytes of float32 feature maps at once"
        )
    return replace(space, edges=tuple(edges))
