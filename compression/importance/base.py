"""What every kind of importance answers, and how numbers of a tensor become one per channel."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from msgspec import Struct
from torch import Tensor, nn

from compression.channels.groups import Channels, Group, Place
from compression.channels.layers import PER_CHANNEL

Batches = Sequence[tuple[Tensor, Tensor]]
"""Images [B, C, H, W] and their classes [B]: some that the network was trained on."""
Scores = dict[str, Tensor]
"""By the name of a group, a number per channel; those with the least go first."""

TINY = 1e-12


class Importance(Struct, frozen=True, kw_only=True, tag_field="by", forbid_unknown_fields=True):
    """One way to guess; a subclass says which."""

    @property
    def comparable(self) -> bool:
        """Whether scores of different groups are in one unit: a change of the loss."""
        return False

    def scores(self, module: nn.Module, channels: Channels, batches: Batches = ()) -> Scores:
        """Scores of all groups. ValueError where it must see `batches` and there are none."""
        raise NotImplementedError


def by_own_mean(scores: Scores) -> Scores:
    """In units of the mean of each group, so that groups are compared by what is usual in them."""
    return {name: one / one.mean().clamp(min=TINY) for name, one in scores.items()}


def per_channel(values: Tensor, place: Place, width: int) -> Tensor:
    """[width]: the sum of `values`, shaped as the tensor of a place, over what belongs to each."""
    rows = values.movedim(place.axis, 0).reshape(len(place.channel), -1).sum(dim=1).cpu()
    channel = torch.from_numpy(place.channel)
    own = channel >= 0
    return torch.zeros(width).index_add_(0, channel[own], rows[own].float())


def by_channel(values: Tensor, place: Place, width: int) -> Tensor:
    """[width, numbers]: what belongs to each channel, in float64; with less, zeros follow."""
    rows = values.movedim(place.axis, 0).reshape(len(place.channel), -1).double().cpu()
    owned = [np.flatnonzero(place.channel == channel) for channel in range(width)]
    found = torch.zeros(width, max(map(len, owned)), rows.shape[1], dtype=torch.float64)
    for channel, positions in enumerate(owned):
        found[channel, : len(positions)] = rows[torch.from_numpy(positions)]
    return found.flatten(1)


def weights_of(group: Group) -> Iterator[Place]:
    """Where its layers make channels, biases apart; the first layer first."""
    for maker in group.makers:
        for place in group.places:
            if place.role == "makes" and place.tensor == f"{maker}.weight":
                yield place


def takers_of(group: Group) -> list[Place]:
    """Weights of the layers that take the group's channels."""
    return [
        place for place in group.places if place.role == "takes" and place.tensor.endswith("weight")
    ]


def scales_of(module: nn.Module, group: Group) -> Iterator[Place]:
    """Scales of the batch norms through which its channels pass."""
    for place in group.places:
        if place.own == "weight" and isinstance(module.get_submodule(place.layer), PER_CHANNEL):
            yield place


def summed(group: Group, places: Iterable[Place], values: Mapping[str, Tensor]) -> Tensor:
    """[width]: the sum over `places` of the values of their tensors."""
    found = [per_channel(values[place.tensor], place, group.width) for place in places]
    return torch.stack(found).sum(dim=0)


def must_see(batches: Batches, what: Importance) -> None:
    """ValueError where there are no batches."""
    if not batches:
        raise ValueError(f"{type(what).__name__} is measured on images: give it some batches")
