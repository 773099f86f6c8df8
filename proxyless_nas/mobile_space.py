"""Mobile spaces: stages of MBConv candidates, as people write them down."""

import math
from collections.abc import Sequence
from itertools import product
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from proxyless_nas.blocks import AnyBlock, Classifier, Conv, MBConv, Skip
from proxyless_nas.channels import round_channels
from proxyless_nas.edges import Edge
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec
from proxyless_nas.space import Space

Count = Annotated[int, Meta(ge=1)]
Kernels = Annotated[tuple[Annotated[int, Meta(ge=1)], ...], Meta(min_length=1)]
Expansions = Annotated[tuple[Annotated[float, Meta(gt=0)], ...], Meta(min_length=1)]
Widths = Annotated[tuple[Count, ...], Meta(min_length=1)]
MOST_WIDTHS = 256


class Stage(Struct, frozen=True, forbid_unknown_fields=True):
    """A run of edges of one width; the first one has the stage's stride.

    Where `width` lists several, the stage's width is searched too; candidates' inner widths are
    those of the widest.
    `kernels` and `expansions` replace the layout's. With `skip`, every edge but the first can be
    skipped: so depth is searched.
    """

    width: Count | Widths
    edges: Count
    stride: Count = 1
    kernels: Kernels | None = None
    expansions: Expansions | None = None
    skip: bool = True

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels behind the stage, the most first."""
        given = (self.width,) if isinstance(self.width, int) else self.width
        return tuple(sorted(set(given), reverse=True))

    def at_width(self, width: float) -> "Stage":
        """The same with all channels times `width`."""
        first, *rest = (round_channels(channels * width) for channels in self.widths)
        return replace(self, width=(first, *rest) if rest else first)


class Layout(Struct, frozen=True, forbid_unknown_fields=True):
    """A mobile space, and the hand-made network beside it, said in a few numbers.

    A stem of kernel 3, a fixed separable block of `first` channels, the stages, a 1x1 convolution
    to `mix` channels (none for 0), and a classifier.
    """

    input: Shape
    classes: Count
    stem: Count
    first: Count
    stages: Annotated[tuple[Stage, ...], Meta(min_length=1)]
    mix: Annotated[int, Meta(ge=0)]
    kernels: Kernels = (3, 5, 7)
    expansions: Expansions = (3, 6)
    stem_stride: Count = 2

    def __post_init__(self) -> None:
        for kernel in {kernel for stage in self.stages for kernel in self.kernels_of(stage)}:
            if kernel % 2 == 0:
                raise ValueError(f"kernel {kernel} is even: 'same' padding needs odd ones")
        choices = math.prod(len(stage.widths) for stage in self.stages)
        if choices > MOST_WIDTHS:
            raise ValueError(
                f"the stages' widths can be chosen in {choices} ways, which are one decision of as "
                f"many options: at most {MOST_WIDTHS}; list fewer"
            )
        for before, stage in zip(self.stages, self.stages[1:], strict=False):
            self._must_narrow(before, stage, first=True)
        for stage in self.stages:
            self._must_narrow(stage, stage, first=False)

    def _must_narrow(self, before: Stage, stage: Stage, first: bool) -> None:
        """A block of expansion 1 is as wide inside as its input, so that width must be known."""
        reads = first or stage.edges > 1
        if reads and len(before.widths) > 1 and 1 in self.expansions_of(stage):
            raise ValueError(
                f"expansion 1 behind a stage whose width is searched ({before.width}): such a "
                "block has no inner width of its own; take another expansion, or one width"
            )

    def kernels_of(self, stage: Stage) -> Kernels:
        """The kernels of a stage's candidates."""
        return self.kernels if stage.kernels is None else stage.kernels

    def expansions_of(self, stage: Stage) -> Expansions:
        """The expansions of a stage's candidates."""
        return self.expansions if stage.expansions is None else stage.expansions

    def at_side(self, side: int) -> "Layout":
        """The same on square images of `side` pixels."""
        return replace(self, input=self.input.at_side(side))

    def at_width(self, width: float) -> "Layout":
        """All channels times `width`, rounded to a multiple of 8; `mix` only grows."""
        return replace(
            self,
            stem=round_channels(self.stem * width),
            first=round_channels(self.first * width),
            stages=tuple(stage.at_width(width) for stage in self.stages),
            mix=round_channels(self.mix * max(width, 1.0)) if self.mix else 0,
        )


def mobile_space(name: str, layout: Layout) -> Space:
    """MBConv candidates kernel by kernel, then Skip where the shape allows it, as in the paper."""
    edges = [Edge((MBConv(layout.first, None, 3),))]
    width = layout.first
    for stage in layout.stages:
        for index in range(stage.edges):
            edges.append(Edge(tuple(_candidates(layout, stage, width, index == 0))))
            width = stage.widths[0]
    return Space(
        name,
        layout.input,
        Conv(layout.stem, 3, layout.stem_stride),
        tuple(edges),
        Conv(layout.mix) if layout.mix else None,
        Classifier(layout.classes),
        widths=_all_widths(layout),
    )


def _all_widths(layout: Layout) -> tuple[tuple[int, ...], ...]:
    """Every way to choose the stages' widths, the widest first; none where there is but one."""
    ways = [
        (
            layout.first,
            *(w for s, w in zip(layout.stages, chosen, strict=True) for _ in range(s.edges)),
        )
        for chosen in product(*(stage.widths for stage in layout.stages))
    ]
    return tuple(ways) if len(ways) > 1 else ()


def hand_made_network(layout: Layout, width: float = 1.0) -> NetworkSpec:
    """The MobileNetV2-style network of a layout: expansion 6, kernel 3, nothing skipped."""
    layout = replace(layout.at_width(width), kernels=(3,), expansions=(6,))
    stages = tuple(
        replace(stage, width=stage.widths[0], kernels=None, expansions=None)
        for stage in layout.stages
    )
    space = mobile_space(f"hand-made-{width:g}", replace(layout, stages=stages))
    return space.network(space.first)


def _candidates(layout: Layout, stage: Stage, width: int, first: bool) -> Sequence[AnyBlock]:
    stride = stage.stride if first else 1
    blocks: list[AnyBlock] = [
        MBConv(
            stage.widths[0],
            None if expansion == 1 else round(width * expansion),
            kernel,
            stride,
            not first,
        )
        for kernel in layout.kernels_of(stage)
        for expansion in layout.expansions_of(stage)
    ]
    return blocks if first or not stage.skip else [*blocks, Skip()]
