"""Distiller's pruners that rank structures: what each becomes."""

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from compression.readers.distiller.drafts import Context, Draft, Share, Weights
from compression.readers.reading import Said
from compression.structures import Over
from proxyless_nas.files import did_you_mean

TYPES: dict[str, Over] = {
    "3D": "filters",
    "Filters": "filters",
    "Channels": "channels",
    "Rows": "channels",
    "Blocks": "blocks",
}
"""Types of groups; `Rows` are the inputs of a matrix."""


class _Structures(Struct, frozen=True, kw_only=True):
    """Which structures of which weights, and who decides."""

    group_type: str
    weights: Weights
    group_dependency: Literal["Leader"] | None = None


class _Norms(_Structures, frozen=True, kw_only=True):
    """Ranked by a norm."""

    kwargs: dict[str, tuple[int, int, int, int]] | None = None
    noise: float = 0.0
    group_size: int = 1

    def __post_init__(self) -> None:
        if self.noise or self.group_size != 1:
            raise ValueError(
                "noise in a ranking and groups of several structures (group_size) have no "
                "counterpart here: leave them out"
            )


class Ranked(_Norms, frozen=True, kw_only=True):
    """A share."""

    desired_sparsity: Share


class RankedAgp(_Norms, frozen=True, kw_only=True):
    """A share that grows."""

    initial_sparsity: Share
    final_sparsity: Share


class RandomLevel(_Norms, frozen=True, kw_only=True):
    """A share that is drawn."""

    sparsity_range: tuple[Share, Share]


class Filters(_Structures, frozen=True, kw_only=True):
    """A share of filters, not ranked by a norm."""

    desired_sparsity: Share


class FiltersAgp(_Structures, frozen=True, kw_only=True):
    """A share of filters that grows."""

    initial_sparsity: Share
    final_sparsity: Share


Args = Ranked | RankedAgp | RandomLevel | Filters | FiltersAgp


def _share(context: Context, args: Args) -> Any:
    if isinstance(args, Ranked | Filters):
        return args.desired_sparsity
    if isinstance(args, RandomLevel):
        low, high = args.sparsity_range
        return {"curve": "uniform", "low": low, "high": high}
    return context.agp(args.initial_sparsity, args.final_sparsity)


def _by(method: str) -> Callable[[Context, Args], list[Draft]]:
    def drafts(context: Context, args: Args) -> list[Draft]:
        if args.group_type not in TYPES:
            hint = did_you_mean(args.group_type, list(TYPES))
            context.refuse("group_type", f"no structure {args.group_type}{hint}")
        over = TYPES[args.group_type]
        if isinstance(args, Filters | FiltersAgp) and over != "filters":
            context.refuse("group_type", "Filters, or 3D, which is the same")
        tensors = context.tensors(args.weights)
        leads = args.group_dependency == "Leader"
        size, outputs = _block(context, args) if over == "blocks" else (8, 1)
        return [
            Draft(
                method={"by": method, "share": _share(context, args)},
                tensors=tensors,
                over=over,
                size=size,
                outputs=outputs,
                leader=tensors[0].layer if leads and len(tensors) > 1 else None,
            )
        ]

    return drafts


def _block(context: Context, args: Args) -> tuple[int, int]:
    """(inputs, outputs) of a block."""
    kwargs = args.kwargs if isinstance(args, _Norms) else None
    if kwargs is None or set(kwargs) != {"block_shape"}:
        context.refuse("kwargs", "blocks need kwargs: {block_shape: [outputs, inputs, 1, 1]}")
    outputs, inputs, *kernel = kwargs["block_shape"]
    if kernel != [1, 1]:
        context.refuse("kwargs", f"blocks of a kernel {kernel} are not known there either: 1, 1")
    if outputs > 1 and inputs > 1:
        context.refuse(
            "kwargs", "of blocks of several outputs and inputs Distiller takes neighbouring inputs "
            "of one output instead: give [1, inputs, 1, 1] or [outputs, 1, 1, 1]"
        )  # fmt: skip
    return inputs, outputs


SEES: Said = (
    "differs",
    "it is measured on training images when the mask is chosen, there over the epoch before; what "
    "is zero already goes first",
)
MEAN: Said = (
    "differs",
    "the filters with the smallest means go, there those with the largest, by mistake; measured on "
    "training images when the mask is chosen",
)
SLOPES: Said = (
    "differs",
    "structures by taylor: filters go without which the loss changes least, on training images; "
    "there those whose removal would raise it most, by one batch",
)
DRAWN: Said = (
    "differs",
    "the share is drawn once for all its layers, there for each; chance has a seed here",
)
CHANCE: Said = ("differs", "chance has a seed here, so other filters are drawn")
NORM: Said = ("translated", "structures by their norm")

RANKED: dict[str, tuple[type[Struct], Callable[[Context, Any], list[Draft]], Said]] = {
    "L1RankedStructureParameterPruner": (Ranked, _by("l1"), NORM),
    "L2RankedStructureParameterPruner": (Ranked, _by("l2"), NORM),
    "L1RankedStructureParameterPruner_AGP": (RankedAgp, _by("l1"), NORM),
    "L2RankedStructureParameterPruner_AGP": (RankedAgp, _by("l2"), NORM),
    "RandomLevelStructureParameterPruner": (RandomLevel, _by("l1"), DRAWN),
    "ActivationAPoZRankedFilterPruner": (Filters, _by("apoz"), SEES),
    "ActivationAPoZRankedFilterPruner_AGP": (FiltersAgp, _by("apoz"), SEES),
    "ActivationMeanRankedFilterPruner": (Filters, _by("activation-mean"), MEAN),
    "ActivationMeanRankedFilterPruner_AGP": (FiltersAgp, _by("activation-mean"), MEAN),
    "GradientRankedFilterPruner": (Filters, _by("taylor"), SLOPES),
    "GradientRankedFilterPruner_AGP": (FiltersAgp, _by("taylor"), SLOPES),
    "RandomRankedFilterPruner": (Filters, _by("random"), CHANCE),
    "RandomRankedFilterPruner_AGP": (FiltersAgp, _by("random"), CHANCE),
    "BernoulliFilterPruner": (Filters, _by("bernoulli"), CHANCE),
    "BernoulliFilterPruner_AGP": (FiltersAgp, _by("bernoulli"), CHANCE),
}
