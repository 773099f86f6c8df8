"""The weights that make and take the channels of a group, in the layers of a network."""

from torch import nn

from compression.channels.groups import Group, Place
from compression.channels.layers import PER_CHANNEL


def matrices(network: nn.Module, group: Group) -> list[Place]:
    """Weights, with two axes and more."""
    return [place for place in group.places if _ndim(network, place) > 1]


def scales(network: nn.Module, group: Group) -> list[Place]:
    """Scales of the batch norms behind them."""
    return [
        place
        for place in group.places
        if _ndim(network, place) == 1
        and isinstance(network.get_submodule(place.layer), PER_CHANNEL)
    ]


def _ndim(network: nn.Module, place: Place) -> int:
    """Axes of a weight; 0 for anything else."""
    if place.own != "weight":
        return 0
    return getattr(network.get_submodule(place.layer), place.own).ndim
