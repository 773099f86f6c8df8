"""Kinds of layers that a file can name, each built for the maps that come into it."""

from proxyless_nas.described.layers.base import Kind, Sizes
from proxyless_nas.described.layers.joins import JOINS, add, concat, mul
from proxyless_nas.described.layers.pools import average_pool, max_pool
from proxyless_nas.described.layers.reshaping import (
    crop,
    flatten,
    pad,
    reduce_mean,
    space_to_depth,
    squeeze,
)
from proxyless_nas.described.layers.same_size import (
    activated,
    batch_normalization,
    dropout,
    identity,
    local_response_normalization,
    softmax,
)
from proxyless_nas.described.layers.weighted import (
    convolution,
    depthwise_convolution,
    fully_connected,
    gated_convolution,
)

__all__ = ["JOINS", "KINDS", "TRAINING_ONLY", "Sizes"]
TRAINING_ONLY = (
    "weights_regularizer",
    "biases_regularizer",
    "pointwise_regularizer",
    "depthwise_regularizer",
    "trainable",
)
"""Keys that a training would read; `--weight-decay` says for all layers what these say for one."""
KINDS: dict[str, Kind] = {
    "activation": activated,
    "add": add,
    "average_pool": average_pool,
    "batch_normalization": batch_normalization,
    "concat": concat,
    "convolution": convolution,
    "crop": crop,
    "depthwise_convolution": depthwise_convolution,
    "dropout": dropout,
    "flatten": flatten,
    "fully_connected": fully_connected,
    "gated_convolution": gated_convolution,
    "identity": identity,
    "local_response_normalization": local_response_normalization,
    "max_pool": max_pool,
    "mul": mul,
    "pad": pad,
    "reduce_mean": reduce_mean,
    "softmax": softmax,
    "space_to_depth": space_to_depth,
    "squeeze": squeeze,
}
