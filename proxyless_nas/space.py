"""A set of networks: a stem, a row of edges with candidate blocks, and a head."""

import math
from collections.abc import Iterator, Sequence

from msgspec import Struct

from proxyless_nas.blocks import AnyBlock, BatchNorm, Classifier, Conv, Skip
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec


class Edge(Struct, frozen=True):
    """One place in the network and the blocks that may stand there; all have one output shape."""

    candidates: tuple[AnyBlock, ...]


class Space(Struct, frozen=True):
    """Every network that can be made by choosing one candidate per edge.

    An edge with a single candidate is fixed; the others are *searched*, and a choice of options
    holds one index per searched edge, in order.
    """

    name: str
    input: Shape
    stem: Conv
    edges: tuple[Edge, ...]
    mix: Conv | None
    classifier: Classifier
    norm: BatchNorm = BatchNorm()

    def __post_init__(self) -> None:
        for index, (edge, shape) in enumerate(self.placed()):
            outputs = {candidate.output(shape) for candidate in edge.candidates}
            if len(outputs) != 1:
                raise ValueError(
                    f"space {self.name}, edge {index}: output shapes differ: {outputs}"
                )

    def placed(self) -> Iterator[tuple[Edge, Shape]]:
        """Every edge with its input shape."""
        shape = self.stem.output(self.input)
        for edge in self.edges:
            yield edge, shape
            shape = edge.candidates[0].output(shape)

    @property
    def searched(self) -> tuple[int, ...]:
        """Indices of the edges that have a choice."""
        return tuple(i for i, edge in enumerate(self.edges) if len(edge.candidates) > 1)

    @property
    def size(self) -> int:
        """Number of networks."""
        return math.prod(len(edge.candidates) for edge in self.edges)

    def per_edge(self, options: Sequence[int]) -> tuple[int, ...]:
        """One option per edge, 0 on the fixed ones; ValueError for a wrong number of `options`."""
        if len(options) != len(self.searched):
            raise ValueError(
                f"space {self.name} has {len(self.searched)} searched edges, "
                f"got {len(options)} options"
            )
        chosen = dict(zip(self.searched, options, strict=True))
        return tuple(chosen.get(index, 0) for index in range(len(self.edges)))

    def network(self, options: Sequence[int], name: str | None = None) -> NetworkSpec:
        """The network of one option per searched edge; ValueError for a wrong number of them."""
        chosen = self.per_edge(options)
        blocks = tuple(
            edge.candidates[option] for edge, option in zip(self.edges, chosen, strict=True)
        )
        return NetworkSpec(
            name or self.name, self.input, self.stem, blocks, self.mix, self.classifier, self.norm
        )

    def blocks(self) -> tuple[tuple[AnyBlock, Shape], ...]:
        """Every different (block, input shape) that a network can contain, skips left out."""
        found: dict[tuple[AnyBlock, Shape], None] = {(self.stem, self.input): None}
        for edge, shape in self.placed():
            found.update({(candidate, shape): None for candidate in edge.candidates})
        first = self.network([0] * len(self.searched))
        found.update(
            {
                (block, shape): None
                for _, block, shape in first.placed()
                if block in (self.mix, self.classifier)
            }
        )
        return tuple(pair for pair in found if not isinstance(pair[0], Skip))
