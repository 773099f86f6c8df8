"""Importance that needs no data: sizes and distances of weights, scales of batch norms, chance."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn

from compression.channels.groups import Channels, Group, Place
from compression.importance.base import (
    Batches,
    Importance,
    Scores,
    by_channel,
    scales_of,
    summed,
    weights_of,
)

Tensors = Literal["first", "makers", "all"]
"""Those of the layer that names the group, of all that make its channels, or that use them too."""


class _Size(Importance, frozen=True):
    """Sizes of the weights of a channel."""

    tensors: Tensors = "all"

    def _places(self, module: nn.Module, group: Group) -> Iterable[Place]:
        if self.tensors == "all":
            known = dict(module.named_parameters())
            return [place for place in group.places if place.tensor in known]
        makers = list(weights_of(group))
        return makers[:1] if self.tensors == "first" else makers


class L1(_Size, frozen=True, tag="l1"):
    """The sum of sizes (Li et al. 2017); of the `first` layer alone, as in Vitis and Distiller."""

    def scores(self, module: nn.Module, channels: Channels, batches: Batches = ()) -> Scores:
        sizes = {name: one.detach().abs() for name, one in module.named_parameters()}
        return {
            group.name: summed(group, self._places(module, group), sizes)
            for group in channels.groups
        }


class L2(_Size, frozen=True, tag="l2"):
    """The root of the sum of squares, of `all` tensors: the group norm of DepGraph (Fang 2023)."""

    def scores(self, module: nn.Module, channels: Channels, batches: Batches = ()) -> Scores:
        squares = {name: one.detach().square() for name, one in module.named_parameters()}
        return {
            group.name: summed(group, self._places(module, group), squares).sqrt()
            for group in channels.groups
        }


class GeometricMedian(Importance, frozen=True, tag="geometric-median"):
    """The sum of distances to all other channels of the group (FPGM, He et al. 2019, equation 6).

    What lies near the geometric median can be replaced by the others. A channel is here all of its
    weights in the layers that make it.
    """

    def scores(self, module: nn.Module, channels: Channels, batches: Batches = ()) -> Scores:
        return {group.name: _distances(module, group) for group in channels.groups}


class BatchNormScale(Importance, frozen=True, tag="batch-norm-scale"):
    """The mean size of the scales behind a channel (network slimming, Liu et al. 2017).

    With `across` scales of different groups are compared as they are, as the paper does with one
    threshold for all layers; without it each in units of its group's mean, as all other sizes.
    ValueError for a group whose channels pass through no batch norm.
    """

    across: bool = False

    @property
    def comparable(self) -> bool:
        return self.across

    def scores(self, module: nn.Module, channels: Channels, batches: Batches = ()) -> Scores:
        found: Scores = {}
        for group in channels.groups:
            places = list(scales_of(module, group))
            if not places:
                raise ValueError(
                    f"channels of {group.name} pass through no batch norm with scales: leave the "
                    "layer out, or score by l2"
                )
            sizes = {
                place.tensor: module.get_parameter(place.tensor).detach().abs() for place in places
            }
            found[group.name] = summed(group, places, sizes) / len(places)
        return found


class Random(Importance, frozen=True, tag="random"):
    """Chance: what every other kind must be better than."""

    seed: int = 0

    def scores(self, module: nn.Module, channels: Channels, batches: Batches = ()) -> Scores:
        chance = torch.Generator().manual_seed(self.seed)
        return {group.name: torch.rand(group.width, generator=chance) for group in channels.groups}


def _distances(module: nn.Module, group: Group) -> Tensor:
    squares = torch.zeros(group.width, group.width, dtype=torch.float64)
    for place in weights_of(group):
        rows = by_channel(module.get_parameter(place.tensor).detach(), place, group.width)
        squares += torch.cdist(rows, rows).square()
    return squares.sqrt().sum(dim=1).float()
