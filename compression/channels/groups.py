"""Groups: layers whose channels leave together, and what each channel takes with it."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from compression.channels.atoms import Ids
from compression.channels.book import Role
from compression.channels.walk import walk


@dataclass(frozen=True)
class Place:
    """A tensor of the module, and per position along `axis` the channel it belongs to.

    -1 stands where a position belongs to no channel of the group.
    """

    tensor: str
    axis: int
    channel: Ids
    role: Role

    @property
    def layer(self) -> str:
        """The layer that holds the tensor."""
        return self.tensor.rpartition(".")[0]

    @property
    def own(self) -> str:
        """What the layer calls it."""
        return self.tensor.rpartition(".")[2]


@dataclass(frozen=True)
class Group:
    """Channels that one layer makes, or several whose outputs meet: numbered from 0 to `width`.

    Each of them can leave alone, from all `places` at once. `makers` are the layers, in the order
    in which the network calls them; the first names the group.
    """

    makers: tuple[str, ...]
    width: int
    places: tuple[Place, ...]

    @property
    def name(self) -> str:
        """The layer that comes first."""
        return self.makers[0]


@dataclass(frozen=True)
class Channels:
    """All groups of a module, and why the channels of other layers must stay."""

    groups: tuple[Group, ...]
    kept: dict[str, str]
    split: str = ""
    """A line per group that `made_by` has left out because others make its channels too."""

    def __getitem__(self, layer: str) -> Group:
        """The group in which a layer makes channels; LookupError says why there is none."""
        for group in self.groups:
            if layer in group.makers:
                return group
        reason = self.kept.get(layer, "it makes no channels, or is not there")
        raise LookupError(f"no channels of {layer} can leave: {reason}")

    def made_by(self, layers: Collection[str]) -> "Channels":
        """Only the groups that these layers make alone, and some take. ValueError for none."""
        found = tuple(
            group
            for group in self.groups
            if set(group.makers) <= set(layers) and any(p.role == "takes" for p in group.places)
        )
        if not found:
            near = next((g for g in self.groups if set(g.makers) & set(layers)), None)
            told = f"; those of {near.name} leave with {', '.join(near.makers[1:])}" if near else ""
            raise ValueError(f"these layers make no channels that can leave{told}")
        return Channels(found, self.kept, self._split_by(layers))

    def _split_by(self, layers: Collection[str]) -> str:
        lines: list[str] = []
        for group in self.groups:
            named = [maker for maker in group.makers if maker in layers]
            if 0 < len(named) < len(group.makers):
                others = [maker for maker in group.makers if maker not in layers]
                lines.append(
                    f"channels of {', '.join(named)} stay: they leave only with those of "
                    f"{', '.join(others)}, which `where` leaves out"
                )
        return "\n".join(lines)


def find_channels(module: nn.Module, *inputs: Tensor) -> Channels:
    """The groups of a module that can be traced, as it is called with `inputs`.

    ValueError where it cannot be traced. What an operation that is not known here touches stays,
    and `kept` says so.
    """
    book = walk(module, *inputs)
    sets = book.atoms.settled()
    makers = {
        use.tensor.rpartition(".")[0]: sets[use.ids]
        for use in book.uses.values()
        if use.role == "makes" and use.tensor.endswith("weight")
    }
    free = np.array([book.atoms.reason(one) is None for one in range(len(sets))])
    kept = {
        layer: book.atoms.reason(int(own[0])) or ""
        for layer, own in makers.items()
        if not free[own].any()
    }
    layers = _together({name: own[free[own]] for name, own in makers.items() if name not in kept})
    group_of, number_of = (np.full(len(sets), -1) for _ in range(2))
    for index, names in enumerate(layers):
        own = np.concatenate([makers[name] for name in names])
        own = own[np.sort(np.unique(own, return_index=True)[1])]
        own = own[free[own]]
        group_of[own], number_of[own] = index, np.arange(len(own))
    places: list[list[Place]] = [[] for _ in layers]
    for use in book.uses.values():
        groups, numbers = group_of[sets[use.ids]], number_of[sets[use.ids]]
        for index in np.unique(groups[groups >= 0]).tolist():
            channel = np.where(groups == index, numbers, -1)
            places[index].append(Place(use.tensor, use.axis, channel, use.role))
    widths = np.bincount(group_of[group_of >= 0], minlength=len(layers)).tolist()
    return Channels(
        tuple(Group(*one) for one in zip(layers, widths, map(tuple, places), strict=True)), kept
    )


def _together(makers: dict[str, Ids]) -> list[tuple[str, ...]]:
    """Layers that make channels of one set stand in one group; in the order of the first."""
    order = {layer: place for place, layer in enumerate(makers)}
    home: dict[int, set[str]] = {}
    for layer, sets in makers.items():
        group = {layer}
        for one in np.unique(sets).tolist():
            known = home.setdefault(one, group)
            if known is not group:
                known |= group
                group = known
        for name in group:
            home.update(dict.fromkeys(np.unique(makers[name]).tolist(), group))
    groups = {id(group): sorted(group, key=order.__getitem__) for group in home.values()}
    return sorted(map(tuple, groups.values()), key=lambda names: order[names[0]])
