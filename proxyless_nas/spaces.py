"""The spaces that can be named on a command line, and the hand-made networks beside them."""

import re
from collections.abc import Sequence

from msgspec import Struct, structs

from proxyless_nas.blocks import AnyBlock, Classifier, Conv, MBConv, Skip
from proxyless_nas.files import did_you_mean
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec
from proxyless_nas.space import Edge, Space


class Stage(Struct, frozen=True):
    """A run of edges of one width; the first one has the stage's stride."""

    width: int
    edges: int
    stride: int


class Layout(Struct, frozen=True):
    """What a mobile space and the hand-made network beside it have in common."""

    input: Shape
    classes: int
    stem: int
    first: int
    stages: tuple[Stage, ...]
    mix: int
    kernels: tuple[int, ...]

    def at_side(self, side: int) -> "Layout":
        """The same on square images of `side` pixels."""
        return structs.replace(self, input=self.input.at_side(side))

    def at_width(self, width: float) -> "Layout":
        """All channels times `width`, rounded to a multiple of 8; `mix` only grows."""
        scaled = tuple(
            Stage(round_channels(s.width * width), s.edges, s.stride) for s in self.stages
        )
        return Layout(
            self.input,
            self.classes,
            round_channels(self.stem * width),
            round_channels(self.first * width),
            scaled,
            round_channels(self.mix * max(width, 1.0)),
            self.kernels,
        )


FASHION = Layout(
    input=Shape(1, 28, 28),
    classes=10,
    stem=32,
    first=24,
    stages=(Stage(24, 4, 2), Stage(48, 4, 2)),
    mix=160,
    kernels=(3, 5),
)
SMOKE = Layout(
    input=Shape(1, 28, 28),
    classes=10,
    stem=8,
    first=8,
    stages=(Stage(8, 2, 2), Stage(16, 2, 2)),
    mix=32,
    kernels=(3, 5),
)
IMAGENET_MOBILE = Layout(
    input=Shape(3, 224, 224),
    classes=1000,
    stem=32,
    first=16,
    stages=(
        Stage(24, 4, 2),
        Stage(40, 4, 2),
        Stage(80, 4, 2),
        Stage(96, 4, 1),
        Stage(192, 4, 2),
        Stage(320, 1, 1),
    ),
    mix=1280,
    kernels=(3, 5, 7),
)
LAYOUTS = {"fashion": FASHION, "smoke": SMOKE, "imagenet-mobile": IMAGENET_MOBILE}
EXPANSIONS = (3, 6)
NAME = re.compile(r"(?P<base>.+?)(-w(?P<width>\d+(\.\d+)?))?(-r(?P<side>[1-9]\d*))?")


def named_layout(name: str) -> Layout:
    """The layout of a named space; ValueError lists the names.

    A name may end with a width, a resolution, or both: `imagenet-mobile-w0.75-r160`.
    """
    match = NAME.fullmatch(name)
    base = match["base"] if match else name
    if match is None or base not in LAYOUTS:
        raise ValueError(
            f"no space {name!r}{did_you_mean(base, list(LAYOUTS))}; spaces: {', '.join(LAYOUTS)}, "
            "each also with a width and a side, as in imagenet-mobile-w0.75-r160"
        )
    layout = LAYOUTS[base]
    if match["width"]:
        layout = layout.at_width(float(match["width"]))
    return layout.at_side(int(match["side"])) if match["side"] else layout


def is_named(name: str) -> bool:
    """Whether `named_space` knows this name."""
    match = NAME.fullmatch(name)
    return match is not None and match["base"] in LAYOUTS


def named_space(name: str) -> Space:
    """A named space; ValueError lists the names.

    `imagenet-mobile` is the space of ProxylessNAS (Cai et al. 2019): 21 searched edges.
    """
    layout = named_layout(name)
    return mobile_space(name, layout, layout.kernels)


def mobile_space(
    name: str, layout: Layout, kernels: Sequence[int], expansions: Sequence[int] = EXPANSIONS
) -> Space:
    """MBConv candidates kernel by kernel, then Skip where the shape allows it, as in the paper."""
    edges = [Edge((_first_block(layout),))]
    width = layout.first
    for stage in layout.stages:
        for index in range(stage.edges):
            stride = stage.stride if index == 0 else 1
            residual = index > 0
            candidates: list[AnyBlock] = [
                MBConv(stage.width, width * expansion, kernel, stride, residual)
                for kernel in kernels
                for expansion in expansions
            ]
            if residual:
                candidates.append(Skip())
            edges.append(Edge(tuple(candidates)))
            width = stage.width
    return Space(
        name,
        layout.input,
        Conv(layout.stem, 3, 2),
        tuple(edges),
        Conv(layout.mix),
        Classifier(layout.classes),
    )


def hand_made(name: str, width: float = 1.0) -> NetworkSpec:
    """The MobileNetV2-style network of a named layout: expansion 6, kernel 3, nothing skipped."""
    layout = named_layout(name).at_width(width)
    space = mobile_space(f"hand-made-{width:g}", layout, kernels=(3,), expansions=(6,))
    return space.network([0] * len(space.searched))


def round_channels(channels: float, multiple: int = 8) -> int:
    """The nearest multiple, at least one, and never more than 10 % below (MobileNet's rule)."""
    rounded = max(multiple, int(channels + multiple / 2) // multiple * multiple)
    return rounded + multiple if rounded < 0.9 * channels else rounded


def _first_block(layout: Layout) -> MBConv:
    return MBConv(layout.first, None, 3)
