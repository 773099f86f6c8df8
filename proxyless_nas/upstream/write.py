"""Write a description as a config from which the original builds the network.

A key of a dialect (`resolution`, `mid_channels`, `act_func`, `use_se`) is written only where it
says what the first release could not.
"""

from typing import Any

import msgspec

from proxyless_nas.blocks import AnyBlock, Classifier, Conv, MBConv, Skip, Tree
from proxyless_nas.blocks.activation import Activation
from proxyless_nas.network import NetworkSpec
from proxyless_nas.upstream.format import (
    ACTIVATIONS,
    ORDER,
    RESOLUTION,
    ConvLayer,
    IdentityLayer,
    LinearLayer,
    MBInvertedConvLayer,
    MobileInvertedResidualBlock,
    Norm,
    ProxylessNASNets,
    ZeroLayer,
    no_words,
    squeezed,
)
from proxyless_nas.upstream.tree_write import pyramid

SPELLINGS: dict[Activation, str | None] = {ours: theirs for theirs, ours in ACTIVATIONS.items()}
NOMINAL_RATIO = 2  # beside mid_channels every ratio but 1 means the same


def original_config(spec: NetworkSpec) -> dict[str, Any]:
    """The original's config of the same network, as plain values in the original's order.

    Its class is `PyramidTreeNet` where there are tree blocks, `ProxylessNASNets` elsewhere.
    ValueError names the part that the format has no words for.
    """
    trees = any(isinstance(block, Tree) for block in spec.blocks)
    return msgspec.json.decode(msgspec.json.encode(pyramid(spec) if trees else _proxyless(spec)))


def _proxyless(spec: NetworkSpec) -> ProxylessNASNets:
    side = spec.input.height
    if spec.input.width != side:
        raise no_words(f"network {spec.name}, input", f"images of {spec.input}")
    channels = {name: shape.channels for name, _, shape in spec.placed()}
    if spec.classifier.preactivated:
        raise no_words(f"network {spec.name}, classifier", "batch norm before pooling")
    return ProxylessNASNets(
        bn=Norm(spec.norm.momentum, spec.norm.eps),
        first_conv=_conv(spec.stem, channels["stem"]),
        feature_mix_layer=_conv(spec.mix, channels["mix"]) if spec.mix else None,
        classifier=_linear(spec.classifier, channels["classifier"]),
        blocks=tuple(
            _block(f"network {spec.name}, blocks.{index}", block, channels[f"blocks.{index}"])
            for index, block in enumerate(spec.blocks)
        ),
        resolution=None if side == RESOLUTION else side,
    )


def _block(place: str, block: AnyBlock, channels: int) -> MobileInvertedResidualBlock:
    match block:
        case Skip():
            operation, shortcut = ZeroLayer(stride=1), _identity(channels)
        case Conv():
            operation, shortcut = _conv(block, channels), None
        case MBConv():
            operation = _mbconv(place, block, channels)
            shortcut = _identity(channels) if block.residual else None
        case _:
            raise no_words(place, f"the block {type(block).__name__}")
    return MobileInvertedResidualBlock(mobile_inverted_conv=operation, shortcut=shortcut)


def _mbconv(place: str, block: MBConv, channels: int) -> MBInvertedConvLayer:
    if block.activation == "none":
        raise no_words(place, "an inverted bottleneck without activation")
    if block.squeeze not in (None, squeezed(block.mid or channels)):
        raise no_words(
            place,
            f"a squeeze to {block.squeeze} channels (only to {squeezed(block.mid or channels)})",
        )
    ratio, mid = _expansion(block.mid, channels)
    return MBInvertedConvLayer(
        in_channels=channels,
        out_channels=block.out,
        kernel_size=block.kernel,
        stride=block.stride,
        expand_ratio=ratio,
        mid_channels=mid,
        act_func=SPELLINGS[block.activation],
        use_se=block.squeeze is not None,
    )


def _expansion(mid: int | None, channels: int) -> tuple[int | float, int | None]:
    """(expand_ratio, mid_channels); versions disagree on ratios below 1, and 1 expands nothing."""
    if mid is None:
        return 1, None
    if mid <= channels:
        return NOMINAL_RATIO, mid
    return (mid // channels if mid % channels == 0 else mid / channels), None


def _identity(channels: int) -> IdentityLayer:
    return IdentityLayer(
        in_channels=channels,
        out_channels=channels,
        use_bn=False,
        act_func=None,
        dropout_rate=0,
        ops_order=ORDER,
    )


def _conv(block: Conv, channels: int) -> ConvLayer:
    return ConvLayer(
        kernel_size=block.kernel,
        stride=block.stride,
        dilation=1,
        groups=1,
        bias=False,
        has_shuffle=False,
        in_channels=channels,
        out_channels=block.out,
        use_bn=True,
        act_func=SPELLINGS[block.activation],
        dropout_rate=0,
        ops_order=ORDER,
    )


def _linear(block: Classifier, channels: int) -> LinearLayer:
    return LinearLayer(
        in_features=channels,
        out_features=block.classes,
        bias=True,
        use_bn=False,
        act_func=None,
        dropout_rate=block.dropout or 0,
        ops_order=ORDER,
    )
