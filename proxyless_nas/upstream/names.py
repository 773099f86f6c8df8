"""What other code bases call the modules that hold a network's weights."""

import re
from collections.abc import Callable

from msgspec import Struct

from proxyless_nas.blocks import Conv, MBConv, Residual, Skip, Tree
from proxyless_nas.layer import Layer
from proxyless_nas.network import NetworkSpec
from proxyless_nas.upstream.tree_names import tree_names

ORIGINAL = {"stem": "first_conv", "mix": "feature_mix_layer", "classifier": "classifier"}
ORIGINAL_BLOCK = {
    "expand": "inverted_bottleneck",
    "depthwise": "depth_conv",
    "squeeze": "depth_conv.se.fc",
    "project": "point_linear",
}
RESNET = {
    "first.conv": "conv1",
    "first.bn": "bn1",
    "second.conv": "conv2",
    "second.bn": "bn2",
}
RESNET_PROJECTED = {**RESNET, "shortcut.conv": "downsample.0", "shortcut.bn": "downsample.1"}
LATER_BLOCK = re.compile(r"^(blocks\.\d+)\.conv\.")
DOUBLED = re.compile(r"\.(conv|bn|linear)\.\1\.(?=\w+$)")


class Naming(Struct, frozen=True):
    """The names in one code base, as pure functions of the description.

    `modules` leads from each of our modules that holds tensors (`blocks.1.expand.conv`) to its
    name there, one to one and in the order of the network, or is None for a network that the code
    base does not have. `spelling` leads from a tensor's name in a variant to the usual one.
    """

    modules: Callable[[NetworkSpec], dict[str, str] | None]
    spelling: Callable[[str], str] = str


def original_names(spec: NetworkSpec) -> dict[str, str] | None:
    """Those of the original's `ProxylessNASNets`, or of its `PyramidTreeNet`."""
    if any(isinstance(block, Tree) for block in spec.blocks):
        return tree_names(spec)
    if spec.classifier.preactivated:
        return None
    if not all(isinstance(block, MBConv | Conv | Skip) for block in spec.blocks):
        return None
    return {ours: _original(ours) for layer in spec.layers() for ours in _modules(layer)}


def original_key(key: str) -> str:
    """The original's name of a tensor that the newer Once-for-All calls `key`.

    There a block's operation is `conv`, and layers with elastic widths hold their weights one
    level deeper (`.conv.conv.weight`). A name that is already the original's stays as it is.
    """
    return DOUBLED.sub(r".\1.", LATER_BLOCK.sub(r"\1.mobile_inverted_conv.", key))


def torchvision_names(spec: NetworkSpec) -> dict[str, str] | None:
    """Those of torchvision's `MobileNetV2`."""
    if spec.mix is None or spec.classifier.preactivated:
        return None
    names = {"stem.conv": "features.0.0", "stem.bn": "features.0.1"}
    for index, block in enumerate(spec.blocks):
        if not isinstance(block, MBConv) or block.squeeze is not None:
            return None
        ours, theirs = f"blocks.{index}", f"features.{index + 1}.conv"
        before = ["depthwise"] if block.mid is None else ["expand", "depthwise"]
        for place, role in enumerate(before):
            names[f"{ours}.{role}.conv"] = f"{theirs}.{place}.0"
            names[f"{ours}.{role}.bn"] = f"{theirs}.{place}.1"
        names[f"{ours}.project.conv"] = f"{theirs}.{len(before)}"
        names[f"{ours}.project.bn"] = f"{theirs}.{len(before) + 1}"
    last = len(spec.blocks) + 1
    names |= {"mix.conv": f"features.{last}.0", "mix.bn": f"features.{last}.1"}
    return {**names, "classifier.linear": "classifier.1"}


def resnet_names(spec: NetworkSpec) -> dict[str, str] | None:
    """Those of Distiller's and torchvision's `ResNet`; a projected shortcut begins a stage."""
    if spec.mix is not None or spec.classifier.preactivated:
        return None
    names = {"stem.conv": "conv1", "stem.bn": "bn1"}
    stage, place = 1, 0
    for index, block in enumerate(spec.blocks):
        if not isinstance(block, Residual):
            return None
        if block.projected and index > 0:
            stage, place = stage + 1, 0
        parts = RESNET_PROJECTED if block.projected else RESNET
        names |= {f"blocks.{index}.{p}": f"layer{stage}.{place}.{q}" for p, q in parts.items()}
        place += 1
    return {**names, "classifier.linear": "fc"}


NAMINGS = (Naming(original_names, original_key), Naming(torchvision_names), Naming(resnet_names))


def _original(ours: str) -> str:
    home, _, rest = ours.partition(".")
    if home != "blocks":
        return f"{ORIGINAL[home]}.{rest}"
    index, role, *leaf = rest.split(".")
    return ".".join(
        ["blocks", index, "mobile_inverted_conv", ORIGINAL_BLOCK.get(role, role), *leaf]
    )


def _modules(layer: Layer) -> tuple[str, ...]:
    """The modules that hold a layer's tensors: its own and its batch norm's."""
    norm = f"{layer.name.rpartition('.')[0]}.bn"
    return (layer.name, norm) if layer.norm else (layer.name,)
