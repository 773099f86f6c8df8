"""What each layer of a network computes: its shapes, its weights, and its share of the work."""

from collections.abc import Sequence

from msgspec import Struct
from torch import nn

from compression.analysis.tables import part_of
from proxyless_nas.counting import layers_of, macs_of
from proxyless_nas.drawing.tables import table_lines
from proxyless_nas.layer import Layer, Shape

HEAD = ("Layer", "Type", "Kernel", "Stride", "Groups", "Input", "Output", "Weights", "MACs", "%")
LEFT = 2  # columns of words
OUTSIDE = "(products outside of layers)"


class Computed(Struct, frozen=True):
    """One call of a convolution or a linear map; `share` is that of the network's MACs, 0 to 1."""

    layer: str
    type: str
    kernel: tuple[int, ...]
    stride: int
    groups: int
    input: Shape
    output: Shape
    weights: int
    macs: int
    share: float


class Computing(Struct, frozen=True):
    """A network's layers in the order of their calls, for one image, and their sums.

    `outside` are MACs of products that no layer computes, such as those inside attention; `weights`
    counts those of a layer that is called twice once.
    """

    network: str
    layers: tuple[Computed, ...]
    outside: int
    weights: int
    macs: int


def computing_of(network: str, module: nn.Module, shape: Shape) -> Computing:
    """What a module of this name computes for an image of `shape`."""
    layers = [layer for layer in layers_of(module, shape) if layer.kind != "norm"]
    macs = macs_of(module, shape)
    return Computing(
        network=network,
        layers=tuple(_computed(layer, macs) for layer in layers),
        outside=macs - sum(layer.macs for layer in layers),
        weights=sum({layer.name: layer.weights for layer in layers}.values()),
        macs=macs,
    )


def computing_lines(found: Computing) -> tuple[str, ...]:
    """A table for a terminal, with a row for the sums."""
    rows = [_row(one) for one in found.layers]
    if found.outside:
        share = f"{100 * found.outside / found.macs:.2f}"
        rows.append([OUTSIDE, *[""] * 7, f"{found.outside:,}", share])
    rows.append(["Total", *[""] * 6, f"{found.weights:,}", f"{found.macs:,}", ""])
    return table_lines(HEAD, rows, LEFT)


def _computed(layer: Layer, macs: int) -> Computed:
    depthwise = layer.groups > 1 and layer.groups == layer.input.channels
    return Computed(
        layer=layer.name,
        type="depthwise" if depthwise else layer.kind,
        kernel=(layer.kernel, layer.kernel_width or layer.kernel),
        stride=layer.stride,
        groups=layer.groups,
        input=layer.input,
        output=layer.output,
        weights=layer.weights,
        macs=layer.macs,
        share=layer.macs / macs,
    )


def _row(one: Computed) -> Sequence[str]:
    conv = one.type != "linear"
    return [
        one.layer,
        one.type,
        part_of(one.kernel) if conv else "",
        str(one.stride) if conv else "",
        str(one.groups) if conv else "",
        str(one.input),
        str(one.output),
        f"{one.weights:,}",
        f"{one.macs:,}",
        f"{100 * one.share:.2f}",
    ]
