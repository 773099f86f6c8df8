"""The step that removes channels of which masks have left nothing: `do: remove`."""

from typing import Literal

import torch
from torch import nn

from compression.channels.cut import Chosen, noise
from compression.channels.groups import Group, find_channels
from compression.exits.taps import taps_of
from compression.gates.place import must_be_ungated
from compression.importance.base import per_channel, takers_of, weights_of
from compression.masks import masks_of, plain_copy
from compression.quantizers.place import quantization_of
from compression.steps.base import AtWork, Step
from compression.steps.leaving import gone_from, let_go, prepare
from proxyless_nas.layer import Shape
from training.companion import Seen
from training.plan import Plan


class RemoveStep(Step, frozen=True, tag="remove"):
    """At each time, channels leave of which only zeros are `made`, or `taken`, by all layers.

    Those are what masks of earlier steps have left nothing of. From then on nobody takes what a
    batch norm would still add to them, and their shifts, scales and biases no longer count; at the
    end of the training they are removed. A group of which nothing would be left is an error.
    """

    which: Literal["made", "taken"] = "made"

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        if masks_of(network, "channels"):
            raise ValueError("an earlier step removes channels: say in one step which")
        if quantization_of(network).layers or taps_of(network):
            raise ValueError(
                "an earlier step quantizes the network, or puts exits into it: remove channels in "
                "a training before"
            )
        must_be_ungated(network, "remove channels in a training before")
        masked = {name.rpartition(".")[0] for name in _masked(network)}
        plain = plain_copy(network)
        groups = tuple(
            group
            for group in find_channels(plain, noise(shape, plain)).groups
            if takers_of(group) and self.looks_at(group) <= masked
        )
        if not groups:
            raise ValueError(
                f"masks of earlier steps can leave nothing {self.which} of any channel: a channel "
                f"leaves where all layers that {'make' if self.which == 'made' else 'take'} it are "
                "masked"
            )
        return _Removing(network, groups, self, self.times(plan))

    def looks_at(self, group: Group) -> set[str]:
        """The layers that must leave nothing of a channel."""
        places = weights_of(group) if self.which == "made" else takers_of(group)
        return {place.layer for place in places}


class _Removing(AtWork):
    """Channels that leave at some times."""

    def __init__(
        self, network: nn.Module, groups: tuple[Group, ...], how: RemoveStep, times: list[int]
    ) -> None:
        self._network, self._groups, self._how, self._times = network, groups, how, set(times)
        self.last_change = max(times)
        prepare(network, groups)

    @torch.no_grad()
    def before(self, step: int) -> None:
        if step in self._times:
            let_go(self._network, self._groups, self.empty())

    def empty(self) -> Chosen:
        """By group, the channels of which nothing is left. ValueError where that is all."""
        found: dict[str, list[int]] = {}
        for group in self._groups:
            places = weights_of(group) if self._how.which == "made" else takers_of(group)
            some = torch.zeros(group.width)
            for place in places:
                weight = getattr(self._network.get_submodule(place.layer), place.own)
                some += per_channel((weight != 0).float(), place, group.width)
            found[group.name] = (some == 0).nonzero().flatten().tolist()
            if len(found[group.name]) == group.width:
                raise ValueError(
                    f"nothing is left of any of the {group.width} channels of {group.name}: mask "
                    "less there"
                )
        return found

    def gone(self, network: nn.Module) -> Chosen:
        return gone_from(network, self._groups)


def _masked(network: nn.Module) -> set[str]:
    """Tensors on which masks stand."""
    return {*masks_of(network, "elements"), *masks_of(network, "structures")}
