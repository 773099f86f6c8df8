"""Masks on all that belongs to channels: nobody takes anything of those that are gone."""

import numpy as np
import torch
from torch import nn

from compression.channels.cut import Chosen
from compression.channels.groups import Group, Place
from compression.importance.base import per_channel, takers_of
from compression.masks import Mask, mask_on
from compression.selectors import must_stand_alone
from compression.steps.places import matrices


def prepare(network: nn.Module, groups: tuple[Group, ...]) -> None:
    """Put masks on the layers that make and take the channels. ValueError where one is shared."""
    for group in groups:
        for place in matrices(network, group):
            must_stand_alone(network, place.layer, place.own)
    for group in groups:
        for place in matrices(network, group):
            _mask_of(network, place)


def let_go(network: nn.Module, groups: tuple[Group, ...], lost: Chosen) -> None:
    """Mask channels, by the name of their group, wherever they are made and taken."""
    for group in groups:
        for place in matrices(network, group):
            positions = np.flatnonzero(np.isin(place.channel, lost.get(group.name, ())))
            kept = _mask_of(network, place).kept
            kept.index_fill_(place.axis, torch.from_numpy(positions).to(kept.device), False)


def gone_from(network: nn.Module, groups: tuple[Group, ...]) -> Chosen:
    """Channels of which no layer takes anything."""
    found: dict[str, list[int]] = {}
    for group in groups:
        taken = torch.zeros(group.width)
        for place in takers_of(group):
            taken += per_channel(_mask_of(network, place).kept, place, group.width)
        found[group.name] = (taken == 0).nonzero().flatten().tolist()
    return {name: channels for name, channels in found.items() if channels}


def _mask_of(network: nn.Module, place: Place) -> Mask:
    return mask_on(network.get_submodule(place.layer), place.own, "channels")
