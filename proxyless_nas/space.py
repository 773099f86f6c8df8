"""A set of networks: a stem, a row of edges where something is chosen, and a head."""

import math
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from proxyless_nas.blocks import AnyBlock, BatchNorm, Classifier, Conv, Skip
from proxyless_nas.edges import AnyEdge, Edge, parameters_of
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec


class Space(Struct, frozen=True):
    """Every network that can be made by taking one option per decision.

    Each edge asks for none (it is fixed), one or many decisions; together and in order they are
    the space's. A choice of `options` holds one index per decision.

    Where `widths` are given they are one more decision, the last: each option names the output
    channels of every edge, and the first option those that the edges have, which are the widest.
    """

    name: str
    input: Shape
    stem: Conv
    edges: tuple[AnyEdge, ...]
    mix: Conv | None
    classifier: Classifier
    norm: BatchNorm = BatchNorm()
    widths: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        shapes = [shape for _, shape in self.placed()]  # each edge must be able to follow another
        if not self.widths:
            return
        if not all(isinstance(edge, Edge) for edge in self.edges):
            raise ValueError(f"space {self.name}: trees have no widths to choose from")
        widest = [
            edge.output(shape).channels for edge, shape in zip(self.edges, shapes, strict=True)
        ]
        if list(self.widths[0]) != widest:
            raise ValueError(f"space {self.name}: the first widths are not the edges' {widest}")
        if any(n > w for option in self.widths for n, w in zip(option, widest, strict=True)):
            raise ValueError(f"space {self.name}: the first widths are not the widest")
        for _ in self.narrowed:
            pass  # every edge must bear all widths

    def placed(self) -> Iterator[tuple[AnyEdge, Shape]]:
        """Every edge with its input shape."""
        shape = self.stem.output(self.input)
        for index, edge in enumerate(self.edges):
            yield edge, shape
            try:
                shape = edge.output(shape)
            except ValueError as error:
                raise ValueError(f"space {self.name}, edge {index}: {error}") from error

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of options of every decision."""
        own = tuple(count for edge in self.edges for count in edge.counts)
        return (*own, len(self.widths)) if self.widths else own

    @property
    def narrowed(self) -> tuple["Space", ...]:
        """One space per choice of widths, in which nothing is left to decide about them."""
        return tuple(self._narrow(option) for option in self.widths) or (self,)

    def _narrow(self, widths: tuple[int, ...]) -> "Space":
        pairs = zip(self.edges, widths, strict=True)
        edges = tuple(edge.narrowed(out) for edge, out in pairs if isinstance(edge, Edge))
        return replace(self, edges=edges, widths=())

    @property
    def searched(self) -> tuple[int, ...]:
        """Indices of the edges that have a choice."""
        return tuple(index for index, edge in enumerate(self.edges) if edge.counts)

    @property
    def blockwise(self) -> bool:
        """Whether every edge chooses among whole blocks: then tables of blocks price everything."""
        return all(len(edge.counts) < 2 for edge in self.edges)

    def must_be_blockwise(self) -> None:
        """ValueError for a space of trees, whose networks no table prices."""
        if not self.blockwise:
            raise ValueError(
                f"space {self.name} consists of trees, each of which can be one of billions: "
                "tables of blocks cannot price it; search it with --cost "
                "macs, parameters or weight-bytes"
            )

    @property
    def size(self) -> int:
        """Number of ways to choose."""
        return math.prod(self.counts)

    @property
    def parameters(self) -> int:
        """Trainable parameters of all candidates together: those of the supernet."""
        ends = sum(
            parameters_of(block, shape)
            for name, block, shape in self.network(self.first).placed()
            if not name.startswith("blocks.")
        )
        return ends + sum(edge.parameters(shape) for edge, shape in self.placed())

    @property
    def decisions(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Every decision: the name of the module where it is taken, and its options' labels."""
        found: list[tuple[str, tuple[str, ...]]] = []
        for index, (edge, shape) in enumerate(self.placed()):
            for below, labels in zip(edge.names, edge.labels(shape), strict=True):
                found.append((f"blocks.{index}.{below}".removesuffix("."), labels))
        return (*found, ("widths", self._width_labels())) if self.widths else tuple(found)

    def _width_labels(self) -> tuple[str, ...]:
        """The widths that differ between options, a run of equal columns said once."""
        columns = list(zip(*self.widths, strict=True))
        told = [
            column
            for index, column in enumerate(columns)
            if len(set(column)) > 1 and (index == 0 or column != columns[index - 1])
        ]
        return tuple("-".join(map(str, row)) for row in zip(*told, strict=True))

    @property
    def first(self) -> tuple[int, ...]:
        """The first option of every decision."""
        return (0,) * len(self.counts)

    def per_edge(self, options: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """The options of every edge, none on the fixed ones; ValueError for a wrong number."""
        if len(options) != len(self.counts):
            raise ValueError(
                f"space {self.name} has {len(self.counts)} decisions, got {len(options)} options"
            )
        rest = iter(options)  # the widths, if any, come last and belong to no edge
        return tuple(tuple(next(rest) for _ in edge.counts) for edge in self.edges)

    def network(self, options: Sequence[int], name: str | None = None) -> NetworkSpec:
        """The network of one option per decision; ValueError for a wrong number of them."""
        per_edge = self.per_edge(options)
        edges = self._narrow(self.widths[options[-1]]).edges if self.widths else self.edges
        blocks = tuple(edge.block(own) for edge, own in zip(edges, per_edge, strict=True))
        return NetworkSpec(
            name or self.name, self.input, self.stem, blocks, self.mix, self.classifier, self.norm
        )

    def blocks(self) -> tuple[tuple[AnyBlock, Shape], ...]:
        """Different (block, input shape) pairs that hold every operation of a network; no skips.

        Where an edge is one decision these are all its candidates, at all widths.
        """
        if self.widths:
            return tuple(dict.fromkeys(one for space in self.narrowed for one in space.blocks()))
        found: dict[tuple[AnyBlock, Shape], None] = {(self.stem, self.input): None}
        for edge, shape in self.placed():
            found.update({(example, shape): None for example in edge.examples()})
        first = self.network(self.first)
        found.update(
            {
                (block, shape): None
                for _, block, shape in first.placed()
                if block in (self.mix, self.classifier)
            }
        )
        return tuple(pair for pair in found if not isinstance(pair[0], Skip))
