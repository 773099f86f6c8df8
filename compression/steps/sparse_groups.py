"""The step that shrinks whole channels, the weakest most: `do: sparse-groups`."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compression.channels.cut import noise
from compression.channels.groups import Channels, Place, find_channels
from compression.exits.taps import taps_of
from compression.gates.place import must_be_ungated
from compression.masks import plain_copy
from compression.quantizers.place import quantization_of
from compression.schedule import AnyCurve
from compression.selectors import Where
from compression.steps.base import AtWork, Step
from compression.steps.places import matrices, scales
from compression.steps.strength import Strength
from proxyless_nas.layer import Shape
from training.companion import Judge, Seen
from training.plan import Plan

TINY = 1e-12


class SparseGroupsStep(Step, frozen=True, tag="sparse-groups"):
    """`strength` / 2 times the sum over channels of shrink * size is added to the loss.

    The size of a channel is the sum of the squares of all weights that would leave with it, in
    whatever layers they stand; it is shrunk 2 ** (`power` * (largest - size) / (largest - least))
    times, so that in each group the weakest channel is pressed most (Fang et al. 2023, DepGraph,
    section 3.3). What has learned this way loses little when the weakest channels are removed, by
    a later step or by `python -m compression prune`. `where` says whose channels are meant.
    """

    strength: float | AnyCurve
    power: float = 4.0
    where: Where = Where()

    def __post_init__(self) -> None:
        if self.power < 0:
            raise ValueError(f"a power of {self.power:g} would press the strongest most")

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        if quantization_of(network).layers:
            raise ValueError("an earlier step quantizes the network: name this one first")
        if taps_of(network):
            raise ValueError("an earlier step puts exits into the network: name this one first")
        must_be_ungated(network, "let channels shrink in a training before")
        plain = plain_copy(network)
        layers = set(self.where.layers(plain))
        channels = find_channels(plain, noise(shape, plain)).made_by(layers)
        strength = Strength.of(self, self.strength, plan)
        return _Shrinking(network, channels, self.power, strength)


@dataclass(frozen=True)
class _Part:
    """A tensor that holds channels of a group."""

    layer: nn.Module
    place: Place
    channel: Tensor
    """[positions along the axis]: the channel, or the group's width where it is none."""


class _Shrinking(AtWork):
    """Sizes of all channels, as the network is now."""

    def __init__(
        self, network: nn.Module, channels: Channels, power: float, strength: Strength
    ) -> None:
        self._power, self._strength, self._split = power, strength, channels.split
        self._groups = [
            (
                group.width,
                [
                    _Part(network.get_submodule(place.layer), place, _numbered(place, group.width))
                    for place in (*matrices(network, group), *scales(network, group))
                ],
            )
            for group in channels.groups
        ]

    def before(self, step: int) -> None:
        self._strength.before(step)

    def told(self) -> str:
        return self._split

    def penalty(self, x: Tensor, logits: Tensor, judge: Judge) -> Tensor | None:
        if not self._strength.now:
            return None
        each = [self._shrunk(size) for size in self.sizes()]
        return self._strength.now / 2 * torch.stack(each).sum()

    def sizes(self) -> list[Tensor]:
        """For each group [width]: how large each of its channels is, with slopes."""
        found = list[Tensor]()
        for width, parts in self._groups:
            sizes = [_size(part, width) for part in parts]
            found.append(torch.stack(sizes).sum(dim=0))
        return found

    def _shrunk(self, size: Tensor) -> Tensor:
        now = size.detach()
        range_ = (now.max() - now.min()).clamp(min=TINY)
        return (2 ** (self._power * (now.max() - now) / range_) * size).sum()


def _numbered(place: Place, width: int) -> Tensor:
    numbers = torch.from_numpy(place.channel)
    return torch.where(numbers < 0, width, numbers)


def _size(part: _Part, width: int) -> Tensor:
    """[width]: the sum of the squares of what belongs to each channel."""
    weight: Tensor = getattr(part.layer, part.place.own)
    rows = weight.square().movedim(part.place.axis, 0).reshape(len(part.channel), -1).sum(dim=1)
    own = part.channel.to(rows.device)
    return torch.zeros(width + 1, device=rows.device).index_add(0, own, rows)[:width]
