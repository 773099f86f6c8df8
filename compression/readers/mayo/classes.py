"""Mayo's overriders: which classes there are, and what each becomes."""

from typing import Any

from msgspec.structs import replace

from compression.masks import MeanStd, Surgery, Threshold
from compression.overriders import Fixed, Incremental, Mixed, Recentre, Ternary, ThresholdBinary
from compression.readers.mayo.grids import GRIDS, grid_of, inner
from compression.readers.mayo.made import Common, Filters, Kind, Made, Ranks, Slim, built
from compression.readers.mayo.pins import Given
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.values import Map, refuse

HELD = "should_update: false holds what a checkpoint says, and none is read"
EXACT = 24
"""Bits of a mean that has no grid."""


class _MeanStd(Common, frozen=True, kw_only=True):
    alpha: float | None = None


class _Surgery(_MeanStd, frozen=True, kw_only=True):
    on_factor: float = 1.1
    off_factor: float = 0.9


class _Filter(Common, frozen=True, kw_only=True):
    density: float | None = None


class _Slimmer(Common, frozen=True, kw_only=True):
    density: float
    weight: float = 0.01
    global_threshold: bool = True
    incremental: bool = False


class _LowRank(Common, frozen=True, kw_only=True):
    ranks: int = 0


class _Ternary(Common, frozen=True, kw_only=True):
    base: int | None = None
    scale: float | None = None
    stochastic: None = None


class _Threshold(Common, frozen=True, kw_only=True):
    threshold: float


class _Recentre(Common, frozen=True, kw_only=True):
    quantizer: Any
    mean_quantizer: Any = None
    reg: float | bool = False


class _Incremental(Common, frozen=True, kw_only=True):
    quantizer: Any
    interval: float = 0.1
    count_zero: bool = True


class _Mixed(Common, frozen=True, kw_only=True):
    quantizers: Any
    interval: float = 0.1
    reg_factor: float = 0.0
    index: int = 0


def _alpha(args: _MeanStd) -> float:
    return -2.0 if args.alpha is None else args.alpha


def _above(args: _Threshold, given: Given) -> Made:
    return built(Threshold, value=args.threshold)


def _mean_std(args: _MeanStd, given: Given) -> Made:
    return built(MeanStd, alpha=_alpha(args))


def _surgery(args: _Surgery, given: Given) -> Made:
    return built(
        Surgery, "what is masked learns on below, and may come back; there it had no slopes",
        alpha=_alpha(args), low=args.off_factor, high=args.on_factor,
    )  # fmt: skip


def _filter(args: _Filter, given: Given) -> Made:
    density = args.density or 0.0
    if not 0 <= density <= 1:
        refuse(given.args.places["density"], (), f"{given.told}: a density is 0 to 1")
    return Made(
        Filters(density),
        (f"structures over kernels, l1: its density is the share that goes, {density:g}, rounded "
         "down; there one kernel more went, and the class could not run",),
    )  # fmt: skip


def _slimmer(args: _Slimmer, given: Given) -> Made:
    if not 0 < args.density <= 1 or args.weight < 0:
        refuse(given.place, (), f"{given.told}: a density is above 0 and up to 1, a weight 0 or "
               "more")  # fmt: skip
    differs: tuple[str, ...] = ()
    density = args.density if args.should_update else 1.0  # else its mask lets everything through
    if density < 1:
        differs = (
            "channels leave once, behind the first epoch (move `when`), those of the smallest "
            "scales; at the end they are removed",
        )
        if args.incremental:
            differs += ("incremental: what is gone stays so, and no more goes later",)
    return Made(Slim(density, args.weight, args.global_threshold), differs)


def _low_rank(args: _LowRank, given: Given) -> Made:
    if not args.should_update:
        return Made(None, why=HELD)
    if args.ranks < 1:
        return Made(None, why="ranks is how many singular values go: 1 or more")
    return Made(
        Ranks(args.ranks),
        ("low-rank, before the first step: narrower layers in a row, which learn; kernels larger "
         "than 1x1 as Tucker-2; what would save nothing stays as it is",),
    )  # fmt: skip


def _ternary(args: _Ternary, given: Given) -> Made:
    per = "channel" if given.kind.startswith("Channel") else "tensor"
    return built(
        Ternary, "slopes pass to the weights too, there only the scale learned",
        base=1 if args.base is None else args.base, per=per,
        scale=1.0 if args.scale is None else args.scale,
    )  # fmt: skip


def _threshold(args: _Threshold, given: Given) -> Made:
    return built(
        ThresholdBinary, "slopes pass within 1 of the threshold alone", threshold=args.threshold
    )


def _recentre(args: _Recentre, given: Given) -> Made:
    grid = inner(given, "quantizer", given.args["quantizer"])
    mean = given.args.get("mean_quantizer")
    means = Made(
        Fixed(width=EXACT, overflow=0.0), (f"means have {EXACT} bits, there those of float32",)
    )
    if mean is not None:
        means = inner(given, "mean_quantizer", mean)
    return _around(
        [grid, means],
        lambda: built(Recentre, grid=grid_of(grid), means=grid_of(means), penalty=float(args.reg)),
    )


def _incremental(args: _Incremental, given: Given) -> Made:
    grid = inner(given, "quantizer", given.args["quantizer"])
    if not args.should_update:
        return Made(None, why=HELD)
    return _around(
        [grid],
        lambda: built(
            Incremental, grid=grid_of(grid), share=args.interval, count_zeros=args.count_zero,
            told=(f"a share {args.interval:g} more at the start of every epoch",),
        ),
    )  # fmt: skip


def _mixed(args: _Mixed, given: Given) -> Made:
    each, place = given.args["quantizers"], given.args.places["quantizers"]
    if not isinstance(each, Map):
        refuse(place, ("quantizers",), "a map of names and grids")
    one_by_one = replace(given, args=each)
    grids = [inner(one_by_one, key, each[key]) for key in each]
    words = "each channel is on the grid that loses least there, there a share more in turn"
    if args.reg_factor:
        words += "; reg_factor has no counterpart"
    return _around(grids, lambda: built(Mixed, words, grids=tuple(map(grid_of, grids))))


def _around(grids: list[Made], make: Any) -> Made:
    """What stands around some grids: it cannot be where one of them cannot."""
    for one in grids:
        if one.kind is None:
            return one
    made: Made = make()
    differs = dict.fromkeys(word for one in (made, *grids) for word in one.differs)
    told = dict.fromkeys(word for one in (made, *grids) for word in one.told)
    return replace(made, differs=tuple(differs), told=tuple(told))


CLASSES: dict[str, Kind] = {
    **GRIDS,
    "MeanStdPruner": Kind(_MeanStd, _mean_std),
    "DynamicNetworkSurgeryPruner": Kind(_Surgery, _surgery),
    "DNSPruner": Kind(_Surgery, _surgery),
    "ThresholdPruner": Kind(_Threshold, _above),
    "FilterPruner": Kind(_Filter, _filter),
    "NetworkSlimmer": Kind(_Slimmer, _slimmer),
    "LowRankApproximation": Kind(_LowRank, _low_rank),
    "TernaryQuantizer": Kind(_Ternary, _ternary),
    "ChannelTernaryQuantizer": Kind(_Ternary, _ternary),
    "ThresholdBinarizer": Kind(_Threshold, _threshold),
    "Recentralizer": Kind(_Recentre, _recentre),
    "IncrementalQuantizer": Kind(_Incremental, _incremental),
    "MixedQuantizer": Kind(_Mixed, _mixed),
}
UNTRANSLATED = {
    "MayoDNSPruner": "its loop around the training is a search: DynamicNetworkSurgeryPruner is the "
    "pruner in it, and python -m compression auto --strategy back-tracking such a loop",
    **{
        f"Mayo{name}Quantizer": "its loop around the training is a search: python -m compression "
        "auto --strategy back-tracking is such a loop"
        for name in ("DFP", "FixedPoint", "RFP")
    },
    "ChannelPrunerBase": "it says no way to choose; NetworkSlimmer and FilterPruner do",
    "ChannelGater": "channels that are chosen by each image have no step in a recipe",
    "RandomChannelGater": "channels that are chosen by chance for each image have no step in a "
    "recipe",
    "EmptyOverrider": "it does nothing",
    "ChainOverrider": "several names below one tensor are a chain: write its members there",
}


def made_of(given: Given) -> Made:
    """What becomes of an overrider.

    ValueError with FILE:LINE and the nearest names for a class or an argument that is unknown.
    """
    if given.kind in UNTRANSLATED:
        return Made(None, why=UNTRANSLATED[given.kind])
    if given.kind not in CLASSES:
        hint = did_you_mean(given.kind, [*CLASSES, *UNTRANSLATED])
        refuse(given.place, (), f"Mayo has no overrider {given.kind}{hint}")
    return CLASSES[given.kind].made(given)
