"""Read a config of the class `ProxylessNASNets`: what it says becomes a NetworkSpec or an error."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from proxyless_nas.blocks import AnyBlock, BatchNorm, Classifier, Conv, MBConv, Skip
from proxyless_nas.blocks.activation import Activation
from proxyless_nas.files import decode_json
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec
from proxyless_nas.upstream.format import (
    ACTIVATIONS,
    ORDER,
    RESOLUTION,
    BlockWithShortcut,
    ConvLayer,
    IdentityLayer,
    InvertedConv,
    LinearLayer,
    Norm,
    ProxylessNASNets,
    ZeroLayer,
    squeezed,
)

PLAIN = {"dropout_rate": 0, "ops_order": ORDER}


def read_proxyless(data: bytes, path: str | Path) -> NetworkSpec:
    """The description in the bytes of `path`, named after the file.

    ValueError names the file, the place and the key of what cannot be said in our description.
    """
    config = decode_json(data, ProxylessNASNets, path)
    try:
        return _network(config, Path(path).stem)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _network(config: ProxylessNASNets, name: str) -> NetworkSpec:
    side = RESOLUTION if config.resolution is None else config.resolution
    image = Shape(config.first_conv.in_channels, side, side)
    stem = _conv("first_conv", config.first_conv, image.channels)
    channels, blocks = stem.out, list[AnyBlock]()
    for index, written in enumerate(config.blocks):
        block = _block(f"blocks.{index}", written, channels)
        blocks.append(block)
        channels = channels if isinstance(block, Skip) else block.out
    mix = None
    if config.feature_mix_layer is not None:
        mix = _conv("feature_mix_layer", config.feature_mix_layer, channels)
        channels = mix.out
    classifier = _classifier("classifier", config.classifier, channels)
    return NetworkSpec(name, image, stem, tuple(blocks), mix, classifier, _norm("bn", config.bn))


def _norm(place: str, norm: Norm) -> BatchNorm:
    _insist(place, norm, ws_eps=None, gn_channel_per_group=None)
    if norm.momentum is None:
        raise ValueError(f"{place}.momentum is null; it must be a number")
    return BatchNorm(norm.momentum, norm.eps)


def _conv(place: str, layer: ConvLayer, channels: int) -> Conv:
    _insist(place, layer, dilation=1, groups=1, bias=False, has_shuffle=False, use_se=False)
    _insist(place, layer, use_bn=True, **PLAIN)
    _fits(place, "in_channels", layer.in_channels, channels)
    activation = _activation(place, layer.act_func)
    return Conv(layer.out_channels, layer.kernel_size, layer.stride, activation)


def _classifier(place: str, layer: LinearLayer, channels: int) -> Classifier:
    _insist(place, layer, bias=True, use_bn=False, act_func=None, ops_order=ORDER)
    _fits(place, "in_features", layer.in_features, channels)
    return Classifier(layer.out_features, layer.dropout_rate)


def _block(place: str, block: BlockWithShortcut, channels: int) -> Skip | MBConv | Conv:
    spellings = ("mobile_inverted_conv", "conv")
    written = [key for key in spellings if getattr(block, key) is not UNSET]
    if len(written) != 1:
        raise ValueError(f"{place} needs one of {' and '.join(spellings)}, not {len(written)}")
    inner, operation = f"{place}.{written[0]}", getattr(block, written[0])
    residual = isinstance(block.shortcut, IdentityLayer)
    if isinstance(block.shortcut, IdentityLayer):
        _identity(f"{place}.shortcut", block.shortcut, channels)
    if operation is None:
        return Skip()
    if isinstance(operation, ZeroLayer):
        if operation.stride not in (1, UNSET):
            raise ValueError(f"{inner}.stride is {operation.stride}; an empty block has stride 1")
        return Skip()
    if isinstance(operation, InvertedConv):
        return _mbconv(inner, operation, channels, residual)
    if residual:
        raise ValueError(f"{place}.shortcut stands beside a ConvLayer; only null can be read there")
    return _conv(inner, operation, channels)


def _identity(place: str, layer: IdentityLayer, channels: int) -> None:
    _insist(place, layer, use_bn=False, act_func=None, **PLAIN)
    for key in ("in_channels", "out_channels"):
        width = getattr(layer, key)
        _fits(place, key, width[0] if isinstance(width, tuple) else width, channels)


def _mbconv(place: str, layer: InvertedConv, channels: int, residual: bool) -> MBConv:
    _insist(place, layer, groups=None)
    _fits(place, "in_channels", layer.in_channels, channels)
    if layer.act_func is None:
        raise ValueError(f"{place}.act_func is null; an inverted bottleneck needs an activation")
    mid = _mid(place, layer)
    return MBConv(
        layer.out_channels,
        mid,
        layer.kernel_size,
        layer.stride,
        residual,
        _activation(place, layer.act_func),
        squeezed(mid or channels) if layer.use_se else None,
    )


def _mid(place: str, layer: InvertedConv) -> int | None:
    if layer.expand_ratio == 1:
        if layer.mid_channels not in (None, layer.in_channels):
            raise ValueError(
                f"{place}.mid_channels is {layer.mid_channels} without an expansion from "
                f"{layer.in_channels} channels; an expand_ratio of 1 leaves it out"
            )
        return None
    if layer.mid_channels is not None:
        return layer.mid_channels
    if layer.expand_ratio < 1:
        raise ValueError(
            f"{place}.expand_ratio is {layer.expand_ratio}: versions of the original disagree on "
            "what that means; write mid_channels"
        )
    return round(layer.in_channels * layer.expand_ratio)


def _activation(place: str, name: str | None) -> Activation:
    if name not in ACTIVATIONS:
        known = ", ".join(_json(word) for word in ACTIVATIONS)
        raise ValueError(f"{place}.act_func is {_json(name)}; can be read: {known}")
    return ACTIVATIONS[name]


def _fits(place: str, key: str, written: int, channels: int) -> None:
    if written != channels:
        raise ValueError(f"{place}.{key} is {written}; what comes before has {channels} channels")


def _insist(place: str, part: Struct, **readable: Any) -> None:
    for key, value in readable.items():
        written = getattr(part, key)
        if written != value:
            raise ValueError(
                f"{place}.{key} is {_json(written)}; only {_json(value)} can be read there"
            )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
