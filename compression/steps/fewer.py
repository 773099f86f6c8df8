"""Which channels leave, and how many: what steps that take channels away are told."""

from collections.abc import Sequence

from torch import nn

from compression.channels.cut import Chosen, noise
from compression.channels.groups import Channels, Group, find_channels
from compression.importance import L2, AnyDataFree, AnyImportance
from compression.importance.base import Batches, by_own_mean
from compression.refit import Repair
from compression.schedule import AnyCurve, values_of
from compression.selectors import Where
from compression.steps.base import Step
from compression.widths import Rank, Sizes, at_density, chosen_of, evenly, lowest_first, ranked
from proxyless_nas.files import did_you_mean
from proxyless_nas.layer import Shape
from training.companion import Seen


class Fewer(Step, frozen=True):
    """Of a network the share `macs` of its multiply-accumulates stays, or of the channels the share
    `density`, or so many of each group as `keep` says."""

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
        if self.keep is not None and (self.multiple, self.rank) != (1, "evenly"):
            raise ValueError("`keep` says how many stay: leave `multiple` and `rank` out")

    def shares(self, times: int) -> Sequence[float]:
        """What stays at so many times. ValueError where that is no share, or rises."""
        what, share = ("macs", self.macs) if self.density is None else ("density", self.density)
        values = values_of(1.0 if share is None else share, times)
        for value in values:
            if not 0 < value <= 1:
                raise ValueError(f"`{what}` is a share, above 0 and up to 1, not {value:g}")
        if sorted(values, reverse=True) != values:
            raise ValueError(f"the share `{what}` rises, but what is gone stays so")
        return values

    def channels_of(self, plain: nn.Module, shape: Shape) -> Channels:
        """Those that may leave. ValueError where `keep` asks for more of a group than it has."""
        layers = set(self.where.layers(plain))
        channels = find_channels(plain, noise(shape, plain)).made_by(layers)
        said: dict[str, int] = {}
        for layer, kept in (self.keep or {}).items():
            group = _group(channels, layer)
            if not 0 < kept <= group.width:
                raise ValueError(f"{kept} of the {group.width} channels of {layer} cannot stay")
            if said.setdefault(group.name, kept) != kept:
                raise ValueError(
                    f"{kept} channels of {layer} and {said[group.name]} of {group.name} cannot "
                    "stay: they are the same ones"
                )
        return channels

    def batches_of(self, seen: Seen) -> Batches:
        """What scores and repair look at: nothing, where they need nothing."""
        blind = isinstance(self.score, AnyDataFree) and self.repair is None
        return () if blind else seen(self.seen)

    def lost(
        self, plain: nn.Module, channels: Channels, shape: Shape, batches: Batches, share: float,
        gone: Chosen,
    ) -> Chosen:  # fmt: skip
        """The channels that are `gone` from a plain network, and those that must go too so that
        the share stays."""
        scores = self.score.scores(plain, channels, batches)
        if not self.score.comparable:
            scores = by_own_mean(scores)
        for name, one in scores.items():
            one[list(gone.get(name, ()))] = -1.0
        ranking = ranked(scores)
        sizes = Sizes(plain, channels, shape, ranking)
        if self.keep is not None:
            lost = {
                (group := channels[layer]).name: group.width - kept
                for layer, kept in self.keep.items()
            }
        elif self.density is not None:
            lost = at_density(scores, share, self.rank, self.multiple)
        elif self.rank == "evenly":
            lost = evenly(sizes.widths, sizes.macs, share * sizes.macs({}), self.multiple)
        else:
            lost = lowest_first(scores, sizes.macs, share * sizes.macs({}), self.multiple)
        least = {name: max(lost.get(name, 0), len(gone.get(name, ()))) for name in sizes.widths}
        return chosen_of(least, ranking)


def _group(channels: Channels, layer: str) -> Group:
    try:
        return channels[layer]
    except LookupError as error:
        hint = did_you_mean(layer, [name for one in channels.groups for name in one.makers])
        raise ValueError(f"`keep`: {error.args[0]}{hint}") from error
