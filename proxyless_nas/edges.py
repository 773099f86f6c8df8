"""The places of a space: what may stand there, and how many decisions that is."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace
from torch import nn

from proxyless_nas.blocks import AnyBlock, BatchNorm, Skip, Tree
from proxyless_nas.blocks.tree import EDGES, LETTERS, edge_names, operation, tree_module
from proxyless_nas.layer import Shape
from proxyless_nas.naming import label_of

Chooser = Callable[[list[nn.Module]], nn.Module]
"""Makes one module of candidates that all map the same input to the same output shape."""


class Edge(Struct, frozen=True, tag="edge", tag_field="kind"):
    """One of several blocks, which all have one output shape: one decision, or none."""

    candidates: tuple[AnyBlock, ...]

    def __post_init__(self) -> None:
        if len(set(self.candidates)) < len(self.candidates):
            raise ValueError("an edge has the same candidate twice: are two expansions too near?")

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of options of each decision."""
        return (len(self.candidates),) if len(self.candidates) > 1 else ()

    @property
    def names(self) -> tuple[str, ...]:
        """The name, below the edge's own, of the module where each decision is taken."""
        return ("",) * len(self.counts)

    def labels(self, shape: Shape) -> tuple[tuple[str, ...], ...]:
        """What a reader calls the options of each decision."""
        if not self.counts:
            return ()
        labels = [label_of(candidate, shape) for candidate in self.candidates]
        unique = [f"{w} #{i}" if labels.count(w) > 1 else w for i, w in enumerate(labels)]
        return (tuple(unique),)

    def block(self, options: Sequence[int]) -> AnyBlock:
        """The block that one option per decision means."""
        return self.candidates[options[0] if self.counts else 0]

    def narrowed(self, out: int) -> "Edge":
        """The same candidates with `out` channels behind them; their inner widths stay."""
        return Edge(
            tuple(b if isinstance(b, Skip) else replace(b, out=out) for b in self.candidates)
        )

    def examples(self) -> tuple[AnyBlock, ...]:
        """Blocks that together contain every operation that may stand here."""
        return self.candidates

    def output(self, shape: Shape) -> Shape:
        """The shape behind it; ValueError where the candidates disagree."""
        outputs = {candidate.output(shape) for candidate in self.candidates}
        if len(outputs) != 1:
            raise ValueError(f"output shapes differ: {outputs}")
        return outputs.pop()

    def build(self, shape: Shape, norm: BatchNorm, choose: Chooser) -> nn.Module:
        """All candidates with their own weights, the chosen ones behind `choose`."""
        built = [candidate.build(shape, norm) for candidate in self.candidates]
        return choose(built) if self.counts else built[0]

    def parameters(self, shape: Shape) -> int:
        """Trainable parameters of all candidates together."""
        return sum(parameters_of(candidate, shape) for candidate in self.candidates)


class TreeEdge(Struct, frozen=True, tag="tree-edge", tag_field="kind"):
    """A tree block whose twelve edges are searched, each among the operations of `letters`.

    The space of Cai et al. 2019, section 4.1; see `blocks.Tree` for the letters and their order.
    """

    out: int
    mid: int
    stride: int = 1
    letters: str = LETTERS

    @property
    def counts(self) -> tuple[int, ...]:
        return (len(self.letters),) * EDGES

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name.removeprefix(".") for name in edge_names(""))

    def labels(self, shape: Shape) -> tuple[tuple[str, ...], ...]:
        return (tuple(self.letters),) * EDGES

    def block(self, options: Sequence[int]) -> Tree:
        text = "".join(self.letters[option] for option in options)
        a, b, c, d, e, f = (text[at : at + 2] for at in range(0, EDGES, 2))
        return Tree(self.out, self.mid, (a, b, c, d, e, f), self.stride)

    def examples(self) -> tuple[Tree, ...]:
        return tuple(self.block([option] * EDGES) for option in range(len(self.letters)))

    def output(self, shape: Shape) -> Shape:
        return self.block([0] * EDGES).output(shape)

    def build(self, shape: Shape, norm: BatchNorm, choose: Chooser) -> nn.Module:
        def place() -> nn.Module:
            return choose([operation(letter, self.mid, norm) for letter in self.letters])

        return tree_module(self.block([0] * EDGES), shape, norm, [place() for _ in range(EDGES)])

    def parameters(self, shape: Shape) -> int:
        bare = parameters_of(
            Tree(self.out, self.mid, ("II", "II", "II", "II", "II", "II"), self.stride), shape
        )
        each = [parameters_of(example, shape) - bare for example in self.examples()]
        return bare + sum(each)


AnyEdge = Edge | TreeEdge


def parameters_of(block: AnyBlock, shape: Shape) -> int:
    """Trainable parameters of a block."""
    return sum(layer.parameters for layer in block.layers("", shape))


def alone(counts: Sequence[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(decision, options) for every option of every decision, the others at their first."""
    for decision, count in enumerate(counts):
        for option in range(count):
            yield decision, tuple(option if at == decision else 0 for at in range(len(counts)))
