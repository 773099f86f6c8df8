"""The step that lets whole structures of weights be zero: `do: structures`."""

from typing import Any

from torch import Tensor, nn

from compression.channels.cut import noise
from compression.channels.groups import Channels, find_channels
from compression.importance import AnyImportance
from compression.importance.base import Batches
from compression.masks import left_by_others, plain_copy
from compression.selectors import Where
from compression.steps.base import AtWork
from compression.steps.mask import by_step
from compression.steps.masks import Masking, Masks
from compression.structures import AnyStructures, Over, Structure
from proxyless_nas.layer import Shape
from training.companion import Seen
from training.plan import Plan


class StructuresStep(Masks, frozen=True, tag="structures"):
    """Whole `filters`, `channels`, `kernels`, `blocks` or a `layer` are zero, chosen at each time.

    `method` is one of the ways of `compression/structures`, whose numbers may be curves. `blocks`
    have `size` inputs and `outputs` outputs. With `together` the first layer of `where`, in the
    network's order, or the one that `leader` names, is looked at, and what it loses all lose.
    Zeros alone make a network no faster: `do: remove` lets channels leave of which nothing is left.
    """

    method: dict[str, Any]
    over: Over = "filters"
    size: int = 8
    outputs: int = 1
    together: bool = False
    leader: str | None = None

    def __post_init__(self) -> None:
        self.must_fit()
        ways = self.ways([[number] for number in range(1000)])
        if next(iter(ways.values())).filters_only and self.over != "filters":
            raise ValueError(
                f"images score filters: {self.method['by']} says nothing of {self.over}"
            )
        if self.leader is not None and not self.together:
            raise ValueError("a `leader` decides for all: say `together: true`")
        Structure(over=self.over, size=self.size, outputs=self.outputs)

    def ways(self, rounds: list[list[int]]) -> dict[int, AnyStructures]:
        """The way at each step of some rounds. ValueError for one that is not understood."""
        return by_step(self.method, rounds, AnyStructures)

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        return _Masking(network, shape, self, plan, self.ways(self.rounds(plan)), seen)


class _Masking(Masking):
    """Masks on structures."""

    def __init__(
        self,
        network: nn.Module,
        shape: Shape,
        how: StructuresStep,
        plan: Plan,
        ways: dict[int, AnyStructures],
        seen: Seen,
    ) -> None:
        super().__init__(network, shape, how, plan, "structures", how.below or "waits")
        self._structure = Structure(over=how.over, size=how.size, outputs=how.outputs)
        self._ways, self._how = ways, how
        first = next(iter(ways.values()))
        counts = dict[str, int]()
        for layer, part, own in self.tensors:
            rows = self._structure.rows(getattr(part, own).detach())
            first.kept(rows, None, 0)  # does it fit?
            counts[layer] = len(rows)
        self._leader = self._leading(counts) if how.together else None
        self._channels: Channels | None = None
        self._batches: Batches = ()
        if first.importance is not None:
            plain = plain_copy(network)
            self._channels = find_channels(plain, noise(shape, plain))
            for layer in counts:
                _group_of(self._channels, layer)
            self._batches = seen(int(self._how.method.get("seen", 512)))
        self.place("structures", first.scales)

    def choose(self, step: int) -> None:
        way = self._ways[step]
        scores = {} if way.importance is None else self._scores(way.importance)
        chosen: Tensor | None = None
        if self._leader is not None:
            chosen = self._kept(way, self._leader, scores, step)
        for number, (_, part, own) in enumerate(self.tensors):
            kept = self._kept(way, number, scores, step) if chosen is None else chosen
            weight = getattr(part, own)
            self.masks[number].kept.copy_(self._structure.spread(kept.to(weight.device), weight))

    def _kept(
        self, way: AnyStructures, number: int, scores: dict[str, Tensor], step: int
    ) -> Tensor:
        """Which structures of a tensor stay: those that are gone with others do not count."""
        layer, part, own = self.tensors[number]
        dense = self.dense(layer, part, own)
        rows = self._structure.rows(dense)
        alive = self._structure.rows(left_by_others(part, own, self.masks[number])).any(dim=1)
        draw = step * len(self.tensors) + number
        kept = alive.clone()
        mine = scores.get(layer)
        kept[alive] = way.kept(rows[alive], mine if mine is None else mine[alive.cpu()], draw)
        return kept

    def _leading(self, counts: dict[str, int]) -> int:
        names = list(counts)
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{layer} {count}" for layer, count in counts.items())
            raise ValueError(f"layers that go together need as many {self._how.over}: {told}")
        if self._how.leader is None:
            return 0
        Where(name=self._how.leader).layers(self._network)
        if self._how.leader not in names:
            raise ValueError(f"the leader {self._how.leader} is not among {', '.join(names)}")
        return names.index(self._how.leader)

    def _scores(self, importance: AnyImportance) -> dict[str, Tensor]:
        """By layer [filters]: what images say of each."""
        assert self._channels is not None
        groups = {layer: _group_of(self._channels, layer) for layer, _, _ in self.tensors}
        only = Channels(tuple({g.name: g for g in groups.values()}.values()), {})
        plain = plain_copy(self._network)
        found = importance.scores(plain, only, self._batches)
        scores = dict[str, Tensor]()
        for layer, group in groups.items():
            place = next(p for p in group.places if p.tensor == f"{layer}.weight" and not p.axis)
            scores[layer] = found[group.name][place.channel]
        return scores


def _group_of(channels: Channels, layer: str):
    try:
        return channels[layer]
    except LookupError as error:
        raise ValueError(f"images cannot score its filters: {error.args[0]}") from error
