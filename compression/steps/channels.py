"""The step that lets whole channels leave: `do: channels`."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from compression.channels.cut import Chosen, noise
from compression.channels.groups import Channels, find_channels
from compression.exits.taps import taps_of
from compression.gates.place import must_be_ungated
from compression.importance import L2, AnyDataFree, AnyImportance
from compression.importance.base import Batches, by_own_mean
from compression.masks import masks_of, plain_copy
from compression.overriders.place import overridden
from compression.quantizers.place import quantization_of
from compression.refit import Repair, repaired
from compression.schedule import AnyCurve, values_of
from compression.selectors import Where
from compression.steps.base import AtWork, Step
from compression.steps.leaving import gone_from, let_go, prepare
from compression.widths import Rank, Sizes, at_density, chosen_of, evenly, lowest_first, ranked
from proxyless_nas.layer import Shape
from training.companion import Seen
from training.plan import Plan


class ChannelsStep(Step, frozen=True, tag="channels"):
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

    macs: float | AnyCurve | None = None
    density: float | AnyCurve | None = None
    """Instead of `macs`: the share of the channels that stays, of each group with `rank: evenly`,
    of all together with `lowest-first` (network slimming, Liu et al. 2017)."""
    keep: dict[str, int] | None = None
    """Instead of `macs`: by the first of the layers that make a group, how many channels stay."""
    score: AnyImportance = L2()
    repair: Repair | None = None
    rank: Rank = "evenly"
    multiple: int = 1
    seen: int = 512
    where: Where = Where()

    def __post_init__(self) -> None:
        if self.multiple < 1:
            raise ValueError(f"widths cannot be multiples of {self.multiple}")
        if self.seen < 1:
            raise ValueError(f"{self.seen} images show nothing: `seen` is 1 or more")
        if sum(one is not None for one in (self.macs, self.density, self.keep)) != 1:
            raise ValueError(
                "say one of a share of `macs`, a `density` and what to `keep` of each group"
            )

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        times = self.times(plan)
        what, share = ("macs", self.macs) if self.density is None else ("density", self.density)
        values = values_of(1.0 if share is None else share, len(times))
        for value in values:
            if not 0 < value <= 1:
                raise ValueError(f"`{what}` is a share, above 0 and up to 1, not {value:g}")
        if sorted(values, reverse=True) != values:
            raise ValueError(f"the share `{what}` rises, but what is gone stays so")
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
        layers = set(self.where.layers(plain))
        channels = find_channels(plain, noise(shape, plain)).made_by(layers)
        blind = isinstance(self.score, AnyDataFree) and self.repair is None
        batches = () if blind else seen(self.seen)
        for layer, kept in (self.keep or {}).items():
            group = channels[layer]
            if not 0 < kept <= group.width:
                raise ValueError(f"{kept} of the {group.width} channels of {layer} cannot stay")
        shares = dict(zip(times, values, strict=True))
        found = _Thinning(network, channels, shape, self, shares, batches)
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
        how, plain = self._how, plain_copy(self._network)
        gone = self.gone(self._network)
        scores = how.score.scores(plain, self._channels, self._batches)
        if not how.score.comparable:
            scores = by_own_mean(scores)
        for name, one in scores.items():
            one[list(gone.get(name, ()))] = -1.0
        ranking = ranked(scores)
        sizes = Sizes(plain, self._channels, self._shape, ranking)
        most = share * sizes.macs({})
        if how.keep is not None:
            lost = {
                (group := self._channels[layer]).name: group.width - kept
                for layer, kept in how.keep.items()
            }
        elif how.density is not None:
            lost = at_density(scores, share, how.rank, how.multiple)
        elif how.rank == "evenly":
            lost = evenly(sizes.widths, sizes.macs, most, how.multiple)
        else:
            lost = lowest_first(scores, sizes.macs, most, how.multiple)
        least = {name: max(lost.get(name, 0), len(gone.get(name, ()))) for name in sizes.widths}
        return chosen_of(least, ranking)

    def gone(self, network: nn.Module) -> Chosen:
        return gone_from(network, self._channels.groups)

    def told(self) -> str:
        return self._channels.split

    @torch.no_grad()
    def _repair(self, lost: Chosen) -> None:
        """Let layers answer without what is lost as they do now."""
        images = torch.cat([x for x, _ in self._batches])
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
