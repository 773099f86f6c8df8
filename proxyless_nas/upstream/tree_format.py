"""The original's config of a tree network, key by key: what `format` does not say already."""

from typing import Any, Literal

from msgspec import field

from proxyless_nas.upstream.format import ConvLayer, IdentityLayer, LinearLayer, Named

TREE_ORDER = "bn_act_weight"


class DepthConvLayer(Named, frozen=True):
    """A depthwise and a pointwise convolution behind one batch norm."""

    kernel_size: int
    stride: int
    dilation: int
    groups: int
    bias: bool
    has_shuffle: bool
    in_channels: int
    out_channels: int
    use_bn: bool
    act_func: str | None
    dropout_rate: int | float
    ops_order: str


class PoolingLayer(Named, frozen=True):
    """Pooling; 'same' padding, which an average does not count, where the stride is 1."""

    pool_type: Literal["avg", "max"]
    kernel_size: int
    stride: int
    in_channels: int
    out_channels: int
    use_bn: bool
    act_func: str | None
    dropout_rate: int | float
    ops_order: str


Edge = ConvLayer | DepthConvLayer | PoolingLayer | IdentityLayer


class TreeNode(Named, frozen=True):
    """Split the input, send each part through an edge and a child, merge what comes out."""

    in_channels: int
    out_channels: int
    split_type: str | None
    merge_type: str | None
    has_branch_bn: bool
    path_drop_rate: int | float
    edges: tuple[Edge, ...]
    child_nodes: tuple["TreeNode | None", ...]


class TransitionBlock(Named, frozen=True):
    """Layers in a row."""

    layers: tuple[Edge, ...]


class ResidualTreeBlock(Named, frozen=True):
    """A cell between two 1x1 convolutions, and a shortcut around them."""

    cell_drop_rate: int | float
    final_bn: bool
    shortcut: PoolingLayer | IdentityLayer
    in_bottle: ConvLayer
    out_bottle: ConvLayer
    cell: TreeNode


class PyramidTreeNet(Named, frozen=True, kw_only=True):
    """A whole network; the original's code writes three more keys than its published file."""

    tree_node_config: dict[str, Any] = field(default_factory=dict)
    cell_drop_rate: int | float = 0
    cell_drop_scheme: str = "linear"
    blocks: tuple[TransitionBlock | ResidualTreeBlock, ...]
    classifier: LinearLayer
