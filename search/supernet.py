"""The over-parameterized network: every candidate's weights, one path's work."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from proxyless_nas import Network, Space
from proxyless_nas.network import init_weights
from search.gates import Keep, WidthGate, listen, without_beyond
from search.paths import Touched


class Decision(nn.Module):
    """One of `count` options is open; somebody may listen to the slopes of others."""

    def __init__(self, count: int, candidates: list[nn.Module]) -> None:
        super().__init__()
        self.count = count
        self.candidates = nn.ModuleList(candidates)
        self.open = 0
        self._heard: tuple[Tensor, tuple[int, ...], Keep] | None = None

    def hear(self, gates: Tensor, closed: tuple[int, ...], keep: Keep) -> None:
        """Until `deafen`, backward fills the slopes of `gates` [1 + closed]: open, then closed."""
        self._heard = gates, closed, keep

    def deafen(self) -> None:
        """Run the open option and nothing else."""
        self._heard = None


class Mixed(Decision):
    """The candidates of an edge. The open one alone runs, unless someone listens."""

    def __init__(self, candidates: list[nn.Module]) -> None:
        super().__init__(len(candidates), candidates)
        self._parts = candidates

    def forward(self, x: Tensor) -> Tensor:
        output = self._parts[self.open](x)
        if self._heard is None:
            return output
        gates, closed, keep = self._heard
        return listen(gates, x, output, [self._parts[option] for option in closed], keep)


class Widths(Decision):
    """How many channels are kept behind every edge: the rest is zero, as if it were not there.

    `ways` lists per option the channels of every edge. All edges hear of one gate per option.
    """

    def __init__(self, ways: Sequence[Sequence[int]]) -> None:
        super().__init__(len(ways), [])
        self.ways = ways

    def narrow(self, x: Tensor, edge: int) -> Tensor:
        """x [B, C, H, W] behind an edge, with the channels that the open option keeps."""
        kept = self.ways[self.open][edge]
        if self._heard is None:
            return without_beyond(x, kept)
        gates, closed, _ = self._heard
        return WidthGate.apply(gates, x, [kept, *(self.ways[o][edge] for o in closed)])  # pyright: ignore


class Supernet(nn.Module):
    """[B, *space.input] -> [B, classes] along one chosen path.

    Its modules are named as those of a `Network`, with `candidates.N` where something is chosen.
    Only the path's candidates run: the others keep no activations and get no gradients.
    """

    def __init__(self, space: Space) -> None:
        super().__init__()
        self.space = space
        self.decisions: dict[str, Decision] = {}
        self.stem = space.stem.build(space.input, space.norm)
        self.blocks = nn.Sequential()
        shape = space.stem.output(space.input)
        for edge, shape in space.placed():
            self.blocks.append(edge.build(shape, space.norm, Mixed))
            shape = edge.output(shape)
        self.mix = space.mix.build(shape, space.norm) if space.mix else nn.Identity()
        shape = space.mix.output(shape) if space.mix else shape
        self.classifier = space.classifier.build(shape, space.norm)
        self.widths = Widths(space.widths) if space.widths else None
        init_weights(self)
        self.decisions = {
            name: part for name, part in self.named_modules() if isinstance(part, Decision)
        }
        assert tuple(one.count for one in self.decisions.values()) == space.counts
        self._index()

    def _index(self) -> None:
        """What each candidate touches, and what every path does."""
        self._own = [
            [Touched.of(candidate) for candidate in decision.candidates]
            for decision in self.decisions.values()
        ]
        inside = Touched.together(own for several in self._own for own in several)
        self._always = Touched.of(self).without(inside)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Supernet":
        super()._apply(fn, recurse)  # replaces buffers where they move or change their type
        self._index()
        return self

    def forward(self, x: Tensor, options: Sequence[int]) -> Tensor:
        """Logits along the path of one option per decision."""
        for decision, option in zip(self.decisions.values(), options, strict=True):
            decision.open = option
        x = self.stem(x)
        for index, block in enumerate(self.blocks):
            x = block(x)
            if self.widths is not None:
                x = self.widths.narrow(x, index)
        return self.classifier(self.mix(x))

    @contextmanager
    def listening(
        self, gates: Tensor, closed: Sequence[tuple[int, ...]], keep: Keep
    ) -> Iterator[None]:
        """Within, backward fills dL/dg in `gates` [decisions, 1 + most closed].

        `closed` names per decision the options whose slopes are asked for besides the open one's,
        which stands in column 0; they follow in their order.
        """
        try:
            for decision, row, others in zip(
                self.decisions.values(), gates.unbind(), closed, strict=True
            ):
                decision.hear(row[: 1 + len(others)], others, keep)
            yield
        finally:
            for decision in self.decisions.values():
                decision.deafen()

    def touched(self, options: Sequence[int]) -> Touched:
        """What a weight step on this path changes; of what is narrowed, all channels."""
        chosen = zip(self._own, options, strict=True)
        own = [several[option] for several, option in chosen if several]  # widths own nothing
        return Touched.together([self._always, *own])

    def extract(self, options: Sequence[int]) -> Network:
        """The chosen network as a plain module with a copy of the shared weights."""
        chosen = dict(zip(self.decisions, options, strict=True))
        state: dict[str, Tensor] = {}
        for key, value in self.state_dict().items():
            name, among, rest = key.partition(".candidates.")
            index, _, own = rest.partition(".")
            if not among:
                state[key] = value
            elif int(index) == chosen[name]:
                state[f"{name}.{own}"] = value
        network = Network(self.space.network(options))
        shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
        narrowed = {name: state[name][tuple(map(slice, shape))] for name, shape in shapes.items()}
        network.load_state_dict(narrowed)
        return network.to(next(self.parameters()).device)
