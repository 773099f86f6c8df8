"""The spaces that a command line can name, and those that are written in a file."""

import re
from pathlib import Path

import msgspec

from proxyless_nas.files import did_you_mean
from proxyless_nas.language.structs import read_yaml
from proxyless_nas.layer import Shape
from proxyless_nas.mobile_space import Layout, Stage, hand_made_network, mobile_space
from proxyless_nas.network import NetworkSpec
from proxyless_nas.space import Space
from proxyless_nas.tree_space import TreeLayout, tree_space

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
)
CIFAR_MOBILE = msgspec.structs.replace(
    IMAGENET_MOBILE,
    input=Shape(3, 32, 32),
    classes=10,
    stem_stride=1,
    stages=(Stage(24, 4, 1), *IMAGENET_MOBILE.stages[1:]),
)
LAYOUTS = {
    "fashion": FASHION,
    "smoke": SMOKE,
    "imagenet-mobile": IMAGENET_MOBILE,
    "cifar-mobile": CIFAR_MOBILE,
}
TREES = {"cifar-tree": TreeLayout(18, 400), "cifar-tree-small": TreeLayout(3, 136)}
NAME = re.compile(r"(?P<base>.+?)(-w(?P<width>\d+(\.\d+)?))?(-r(?P<side>[1-9]\d*))?")
ENDINGS = (".yaml", ".yml")


def named_layout(name: str) -> Layout:
    """The layout of a named mobile space, or of one in a YAML file; ValueError lists the names.

    A name may end with a width, a resolution, or both: `imagenet-mobile-w0.75-r160`.
    """
    match = NAME.fullmatch(name)
    base = match["base"] if match else name
    if base.endswith(ENDINGS):
        layout = read_layout(base)
    elif match is None or base not in LAYOUTS:
        raise ValueError(
            f"no space {name!r}{did_you_mean(base, [*LAYOUTS, *TREES])}; spaces: "
            f"{', '.join([*LAYOUTS, *TREES])}, or a YAML file; all but the trees also with a width "
            "and a side, as in imagenet-mobile-w0.75-r160"
        )
    else:
        layout = LAYOUTS[base]
    assert match is not None
    if match["width"]:
        layout = layout.at_width(float(match["width"]))
    return layout.at_side(int(match["side"])) if match["side"] else layout


def is_named(name: str) -> bool:
    """Whether `named_space` knows this name; a file must be there."""
    match = NAME.fullmatch(name)
    base = match["base"] if match else name
    return base in LAYOUTS or name in TREES or (base.endswith(ENDINGS) and Path(base).exists())


def named_space(name: str) -> Space:
    """A named space, or one in a YAML file; ValueError lists the names.

    `imagenet-mobile` and `cifar-tree` are the spaces of ProxylessNAS (Cai et al. 2019): 21 and 648
    decisions; `cifar-mobile` is the first for images of 32 pixels.
    """
    if name in TREES:
        return tree_space(name, TREES[name])
    return mobile_space(name, named_layout(name))


def read_layout(path: str) -> Layout:
    """A layout in YAML; FileNotFoundError, or ValueError that names what is wrong and where."""
    return read_yaml(path, Layout)


def hand_made(name: str, width: float = 1.0) -> NetworkSpec:
    """The MobileNetV2-style network of a named mobile space."""
    return hand_made_network(named_layout(name), width)
