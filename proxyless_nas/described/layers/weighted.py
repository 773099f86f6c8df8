"""Convolutions and fully connected layers, with what stands behind them."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn

from proxyless_nas.described.activations import ACTIVATION, activation
from proxyless_nas.described.initial import beginner
from proxyless_nas.described.layers.base import Sizes, one_map, only_one, told
from proxyless_nas.described.norm import NORM, norm_of
from proxyless_nas.described.padding import even, padded, sides_of
from proxyless_nas.described.values import Values


def convolution(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """`num_outputs` filters over all channels, or over those of a group."""
    channels = one_map(values, inputs)[0]
    groups = values.whole("num_groups", 1)
    outputs = values.whole("num_outputs")
    if channels % groups or outputs % groups:
        values.refuse("num_groups", f"{groups} groups part neither {channels} nor {outputs}")
    return _convolution(values, inputs, outputs, groups)


def gated_convolution(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """A plain `convolution`: its `gate_params` are left to a training under a recipe, which puts
    gates into the network (`do: gate`)."""
    values.raw("gate_params")
    return convolution(values, inputs)


def depthwise_convolution(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """`depth_multiplier` filters for each channel."""
    channels = one_map(values, inputs)[0]
    return _convolution(values, inputs, channels * values.whole("depth_multiplier", 1), channels)


def _convolution(values: Values, inputs: Sequence[Sizes], outputs: int, groups: int) -> nn.Module:
    channels, *sizes = one_map(values, inputs)
    kernel, stride = values.pair("kernel_size"), values.pair("stride", 1)
    dilation = values.pair("rate", 1)
    sides = sides_of(values, (sizes[0], sizes[1]), kernel, stride, dilation, "same")
    layer = nn.Conv2d(
        channels, outputs, kernel, stride, even(sides) or 0, dilation, groups,
        _biased(values),
    )  # fmt: skip
    return _finished(values, padded(sides, {"conv": layer}), layer, outputs, True)


def fully_connected(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """`num_outputs` sums over all features; a map of more than one position is flattened first."""
    sizes = only_one(values, inputs)
    if len(sizes) != 1:
        values.refuse(None, f"takes flat features, not a map of {told(sizes)}: flatten it first")
    outputs = values.whole("num_outputs")
    layer = nn.Linear(sizes[0], outputs, _biased(values))
    return _finished(values, {"linear": layer}, layer, outputs, False)


def _biased(values: Values) -> bool:
    """A norm behind takes the place of a bias; `biases_initializer: null` leaves it out."""
    forced = values.truth("force_biases", False)
    left_out = "biases_initializer" in values and values.raw("biases_initializer") is None
    return forced or (values.raw(NORM) is None and not left_out)


def _finished(
    values: Values, parts: dict[str, nn.Module], layer: nn.Conv2d | nn.Linear, outputs: int,
    on_maps: bool,
) -> nn.Module:  # fmt: skip
    with torch.no_grad():
        for key, tensor in (("weights_initializer", layer.weight),
                            ("biases_initializer", layer.bias)):  # fmt: skip
            begin = beginner(values, key)
            if begin is not None and tensor is not None:
                begin(tensor)
        if layer.bias is not None and not values.raw("biases_initializer"):
            layer.bias.zero_()
    norm = norm_of(values, outputs)
    if norm is not None:
        if not on_maps:
            values.refuse(NORM, "a norm stands behind convolutions")
        parts["norm"] = norm
    following = activation(values, ACTIVATION, "relu")
    if following is not None:
        parts["activation"] = following
    return nn.Sequential(OrderedDict(parts)) if len(parts) > 1 else layer
