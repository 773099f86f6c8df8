"""What a network costs once channels are gone, without removing any."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from compression.channels.cut import Chosen
from compression.channels.groups import Channels
from compression.importance.base import Scores
from proxyless_nas.counting import macs_by_module
from proxyless_nas.layer import Shape

Ranking = Mapping[str, np.ndarray]
"""By the name of a group, its channels; those that are worth least stand first."""
Gone = Mapping[str, int]
"""By the name of a group, how many of its channels go, from the first of the ranking on."""


def key_of(gone: Gone) -> tuple[tuple[str, int], ...]:
    """Tells what is gone, in whatever order groups were named, and whether some are named for 0."""
    return tuple(sorted((name, count) for name, count in gone.items() if count))


def ranked(scores: Scores) -> Ranking:
    """Channels by rising score; of equal ones the first stands first."""
    return {name: np.argsort(one.cpu().numpy(), kind="stable") for name, one in scores.items()}


def chosen_of(gone: Gone, ranking: Ranking) -> Chosen:
    """The channels themselves, as `masked` and `removed` take them."""
    return {name: ranking[name][:count].tolist() for name, count in gone.items() if count}


@dataclass(frozen=True)
class _Weight:
    """A tensor: how often each number is used per image, its shape, and what groups take of it.

    `lost` has per axis and group the positions that are lost with the first n channels, n from 0.
    """

    used: int
    shape: tuple[int, ...]
    lost: tuple[tuple[int, str, np.ndarray], ...]

    def left(self, gone: Gone) -> tuple[int, ...]:
        """The shape of what stays."""
        shape = list(self.shape)
        for axis, group, lost in self.lost:
            shape[axis] -= int(lost[gone.get(group, 0)])
        return tuple(shape)


def channels_left(weight: Sequence[int], groups: int, taken: int, made: int) -> tuple[int, ...]:
    """What a layer takes, what it makes, and its groups, once a shape of its weight is left.

    `groups`, `taken` and `made` are those of the whole layer; a depthwise one takes what it makes.
    """
    out = weight[0]
    if groups > 1 and groups == taken:
        left = out * groups // made
        return left, out, left
    return weight[1] * groups, out, groups


class Sizes:
    """MACs and parameters of a module, as images of `shape` pass, for any number of lost channels.

    They are those that `removed` leaves, to the digit. Products that no layer computes, such as
    those inside attention, are not counted.
    """

    def __init__(
        self, module: nn.Module, channels: Channels, shape: Shape, ranking: Ranking
    ) -> None:
        names = {id(one): name for name, one in module.named_parameters()}
        lost: dict[str, list[tuple[int, str, np.ndarray]]] = {name: [] for name in names.values()}
        for group in channels.groups:
            for place in group.places:
                if place.tensor in lost:
                    own = place.channel[place.channel >= 0]
                    each = np.bincount(own, minlength=group.width)[ranking[group.name]]
                    counts = np.concatenate([[0], np.cumsum(each)])
                    lost[place.tensor].append((place.axis, group.name, counts))
        used = dict.fromkeys(lost, 0)
        for name, macs in macs_by_module(module, shape).items():
            weight = getattr(module.get_submodule(name), "weight", None)
            if isinstance(weight, nn.Parameter):
                used[names[id(weight)]] += macs // weight.numel()
        self.widths = {group.name: group.width for group in channels.groups}
        self._weights = {
            name: _Weight(used[names[id(one)]], tuple(one.shape), tuple(lost[names[id(one)]]))
            for name, one in module.named_parameters(remove_duplicate=False)
        }
        self._different = [self._weights[name] for name in names.values()]

    def macs(self, gone: Gone) -> int:
        """Multiply-accumulates of all layers that have a weight, for one image."""
        return sum(one.used * math.prod(one.left(gone)) for one in self._different if one.used)

    def parameters(self, gone: Gone) -> int:
        """Numbers in all parameters."""
        return sum(math.prod(one.left(gone)) for one in self._different)

    def shape(self, tensor: str, gone: Gone) -> tuple[int, ...]:
        """The shape that a parameter has left."""
        return self._weights[tensor].left(gone)

    def groups(self, tensor: str) -> frozenset[str]:
        """The groups whose channels a parameter holds."""
        return frozenset(group for _, group, _ in self._weights[tensor].lost)
