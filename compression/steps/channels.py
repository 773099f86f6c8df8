"""The step that lets whole channels leave: `do: channels`."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from compression.channels.cut import Chosen
from compression.channels.groups import Channels
from compression.exits.taps import taps_of
from compression.gates.place import must_be_ungated
from compression.importance.base import Batches
from compression.masks import masks_of, plain_copy
from compression.overriders.place import overridden
from compression.quantizers.place import quantization_of
from compression.refit import repaired
from compression.steps.base import AtWork
from compression.steps.fewer import Fewer
from compression.steps.leaving import gone_from, let_go, prepare
from proxyless_nas.layer import Shape
from training.companion import Seen
from training.datasets import images_in
from training.plan import Plan


class ChannelsStep(Fewer, frozen=True, tag="channels"):
    """Channels are masked until the network does the share `macs` of its multiply-accumulates, or
    until so many are left of each group as `keep` says, or of all channels ceil(density * all).

    At every time they are scored anew, and as many go as must by then, those of the least score
    first, `evenly` from all groups or the `lowest-first` wherever they are; what is gone stays so.
    Widths are multiples of `multiple`. At the end of the training they are removed. Scores that
    look at images see `seen` training images. `where` says which layers' channels may go: a group
    only leaves with all the layers that make it. With `repair: lstsq` the layers that took what
    goes are fitted anew each time, on these images, to answer as they did just before; layers with
    masked elements are not.
    """

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        times = self.times(plan)
        values = self.shares(len(times))
        if masks_of(network, "channels"):
            raise ValueError(
                "an earlier step removes channels: say in one step which, and how many"
            )
        if quantization_of(network).layers:
            raise ValueError(
                "an earlier step quantizes the network: remove channels in a training before"
            )
        if overridden(network):
            raise ValueError(
                "an earlier step overrides parts of the network: remove channels in a training "
                "before"
            )
        if taps_of(network):
            raise ValueError(
                "an earlier step puts exits into the network: remove channels in a training before"
            )
        must_be_ungated(network, "remove channels in a training before")
        plain = plain_copy(network)
        channels = self.channels_of(plain, shape)
        shares = dict(zip(times, values, strict=True))
        found = _Thinning(network, channels, shape, self, shares, self.batches_of(seen))
        found.lost_at(values[-1])  # can it be met?
        return found


class _Thinning(AtWork):
    """Masks on the layers that make and take channels: nobody takes anything of those gone."""

    def __init__(
        self,
        network: nn.Module,
        channels: Channels,
        shape: Shape,
        how: ChannelsStep,
        shares: Mapping[int, float],
        batches: Batches,
    ) -> None:
        self._network, self._channels, self._batches = network, channels, batches
        self._shape, self._how, self._shares = shape, how, shares
        self.last_change = max(shares)
        prepare(network, channels.groups)

    def before(self, step: int) -> None:
        if step not in self._shares:
            return
        lost, gone = self.lost_at(self._shares[step]), self.gone(self._network)
        if self._how.repair is not None and _count(lost) > _count(gone):
            self._repair(lost)
        let_go(self._network, self._channels.groups, lost)

    def lost_at(self, share: float) -> Chosen:
        """The channels that are gone, and those that must go too for so much of the MACs."""
        plain, gone = plain_copy(self._network), self.gone(self._network)
        return self._how.lost(plain, self._channels, self._shape, self._batches, share, gone)

    def gone(self, network: nn.Module) -> Chosen:
        return gone_from(network, self._channels.groups)

    def told(self) -> str:
        return self._channels.split

    @torch.no_grad()
    def _repair(self, lost: Chosen) -> None:
        """Let layers answer without what is lost as they do now."""
        images = images_in(self._batches)
        sparse = {
            name.rpartition(".")[0]
            for name, mask in masks_of(self._network).items()
            if not mask.kept.all()
        }
        plain = plain_copy(self._network)
        fitted, found = repaired(plain, self._channels, lost, images, sparse)
        for one in found:
            layer: Any = self._network.get_submodule(one.layer)
            other: Any = fitted.get_submodule(one.layer)
            layer.weight = other.weight.detach()  # below its masks
            if other.bias is not None:
                layer.bias.copy_(other.bias)


def _count(chosen: Chosen) -> int:
    """Channels of all groups."""
    return sum(map(len, chosen.values()))
