"""Layers that leave the sizes as they are."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from proxyless_nas.described.activations import ACTIVATION, activation
from proxyless_nas.described.layers.base import Sizes, one_map, only_one
from proxyless_nas.described.norm import batch_norm
from proxyless_nas.described.values import Values


def batch_normalization(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """A batch norm of its own."""
    norm = batch_norm(values, one_map(values, inputs)[0])
    following = activation(values, ACTIVATION, None)
    parts = OrderedDict[str, nn.Module](norm=norm)
    if following is None:
        return norm
    parts["activation"] = following
    return nn.Sequential(parts)


def local_response_normalization(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """Each channel over the sum of squares of its `depth_radius` neighbours on both sides."""
    one_map(values, inputs)
    size = 2 * values.whole("depth_radius", 5) + 1
    alpha, beta = values.number("alpha", 1.0), values.number("beta", 0.5)
    return nn.LocalResponseNorm(size, alpha * size, beta, values.number("bias", 1.0))


def dropout(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """Each number stays with the chance `keep_prob`."""
    only_one(values, inputs)
    keep = values.number("keep_prob", 0.5)
    if not 0 < keep <= 1:
        values.refuse("keep_prob", f"{keep} is no chance above 0")
    return nn.Dropout(1 - keep)


def identity(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """What comes in."""
    only_one(values, inputs)
    return nn.Identity()


def activated(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """An activation of its own, by `mode`."""
    only_one(values, inputs)
    found = activation(values, "mode", "relu")
    return nn.Identity() if found is None else found


def softmax(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """Over classes."""
    only_one(values, inputs)
    return nn.Softmax(1)
