"""The files that are tried: in float, in int8, and with some layers left in float."""

from collections.abc import Mapping
from types import MappingProxyType

import torch
from msgspec import Struct
from torch import nn

from compression.export import onnx_bytes
from compression.int8.choices import sets_to_try, slower
from compression.int8.graph import kernels_of, layers_in
from compression.int8.learned import Reach, with_learned
from compression.int8.make import RangeName, int8_bytes, ranges_by
from proxyless_nas.layer import Shape

NONE: Mapping[str, Reach] = MappingProxyType({})
FLOAT, INT8, MIXED = "float32", "int8", "mixed"


class Tried(Struct, frozen=True):
    """Files by name, the one in float first; by name too, which nodes each keeps in float.

    `slower` are layers that take longer in int8 than in float.
    """

    files: dict[str, bytes]
    keep: dict[str, tuple[str, ...]]
    slower: tuple[str, ...]

    def mixed(self) -> list[str]:
        """Names of the files in which some layers are left in float."""
        return [name for name, keep in self.keep.items() if name != FLOAT and keep]


def files_of(
    network: nn.Module,
    shape: Shape,
    images: torch.Tensor,
    ranges: RangeName,
    narrow: bool,
    reaches: Mapping[str, Reach] = NONE,
) -> Tried:
    """Make and time them; `network` has no batch norms, `images` [N, *shape] set the ranges, but
    for those that layers have learned: `reaches`, by layer."""
    data = onnx_bytes(network, shape)
    reach = with_learned(ranges_by(data, images, ranges), data, reaches)
    files = {FLOAT: data, INT8: int8_bytes(data, reach, narrow)}
    layers, after, kernels = layers_in(data), kernels_of(files[INT8]), kernels_of(data)
    before = {node: kernels[node] for node in layers if node in kernels}
    keep: dict[str, tuple[str, ...]] = {FLOAT: tuple(layers), INT8: ()}
    for name, nodes in sets_to_try(before, after).items():
        files[f"{MIXED}, {name}"] = int8_bytes(data, reach, narrow, nodes)
        keep[f"{MIXED}, {name}"] = nodes
    return Tried(files, keep, tuple(layers[node].name for node in slower(before, after)))
