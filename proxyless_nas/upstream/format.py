"""The original's network config, key by key, in the dialects it is found in.

Classes and keys carry the original's names, fields stand in the order in which it writes them. A
key with a default belongs to a dialect (the search code, MCUNet, Once-for-All): it may be absent,
and it is written only where it says something.
"""

from msgspec import UNSET, Struct, UnsetType

from proxyless_nas.blocks.activation import Activation
from proxyless_nas.channels import round_channels

RESOLUTION = 224  # of images, where a config does not say it
ORDER = "weight_bn_act"
ACTIVATIONS: dict[str | None, Activation] = {
    "relu6": "relu6",
    "relu": "relu",
    "h_swish": "hswish",
    None: "none",
}


def squeezed(channels: int) -> int:
    """The inner width of `use_se`, which is not written: a quarter, as a multiple of 8."""
    return round_channels(channels // 4)


def no_words(place: str, what: str) -> ValueError:
    """The error about a description that cannot be written as a config."""
    return ValueError(f"{place}: the original's format has no words for {what}")


class Named(
    Struct,
    frozen=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag=True,
    tag_field="name",
):
    """A part whose key `name` holds the name of its class."""


class Norm(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Batch norm in torch's convention; the two others change the network and cannot be said."""

    momentum: float | None
    eps: float
    ws_eps: float | None = None
    gn_channel_per_group: int | None = None


class ConvLayer(Named, frozen=True, kw_only=True):
    """Convolution, batch norm and activation, in the order that `ops_order` spells."""

    kernel_size: int
    stride: int
    dilation: int
    groups: int
    bias: bool
    has_shuffle: bool
    use_se: bool = False
    in_channels: int
    out_channels: int
    use_bn: bool
    act_func: str | None
    dropout_rate: int | float
    ops_order: str


class InvertedConv(Named, frozen=True):
    """The inverted bottleneck under either of its names.

    There is no expansion where `expand_ratio` is 1; elsewhere `mid_channels` is its width and, if
    that is null, the ratio times `in_channels`.
    """

    in_channels: int
    out_channels: int
    kernel_size: int
    stride: int
    expand_ratio: int | float
    mid_channels: int | None = None
    act_func: str | None = "relu6"
    use_se: bool = False
    groups: int | None = None


class MBInvertedConvLayer(InvertedConv, frozen=True):
    """The name in the original, the search code and MCUNet."""


class MBConvLayer(InvertedConv, frozen=True):
    """The name in the newer Once-for-All."""


class IdentityLayer(Named, frozen=True):
    """A shortcut; Once-for-All writes its widths as lists of one number."""

    in_channels: int | tuple[int]
    out_channels: int | tuple[int]
    use_bn: bool
    act_func: str | None
    dropout_rate: int | float
    ops_order: str


class ZeroLayer(Named, frozen=True):
    """No operation: a block with it returns its input, a shortcut with it adds nothing."""

    stride: int | UnsetType = UNSET


class LinearLayer(Named, frozen=True):
    """The classifier behind global average pooling; dropout comes before the weight."""

    in_features: int
    out_features: int
    bias: bool
    use_bn: bool
    act_func: str | None
    dropout_rate: int | float
    ops_order: str


Operation = MBInvertedConvLayer | MBConvLayer | ConvLayer | ZeroLayer
Shortcut = IdentityLayer | ZeroLayer


class BlockWithShortcut(Named, frozen=True, kw_only=True):
    """An operation and a shortcut around it; the operation's key has two spellings."""

    mobile_inverted_conv: Operation | UnsetType | None = UNSET
    conv: Operation | UnsetType | None = UNSET
    shortcut: Shortcut | None


class MobileInvertedResidualBlock(BlockWithShortcut, frozen=True, kw_only=True):
    """The name in the original, the search code and MCUNet."""


class ResidualBlock(BlockWithShortcut, frozen=True, kw_only=True):
    """The name in the newer Once-for-All."""


class ProxylessNASNets(Named, frozen=True):
    """A whole network."""

    bn: Norm
    first_conv: ConvLayer
    feature_mix_layer: ConvLayer | None
    classifier: LinearLayer
    blocks: tuple[MobileInvertedResidualBlock | ResidualBlock, ...]
    resolution: int | None = None
