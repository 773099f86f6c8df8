"""Pools over windows or over the whole map."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from proxyless_nas.described.layers.base import Sizes, one_map
from proxyless_nas.described.padding import AveragePool, even, padded, sides_of
from proxyless_nas.described.values import Values


def max_pool(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """The largest of a window."""
    return _pool(values, inputs, False)


def average_pool(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """The mean of a window, without what was padded."""
    return _pool(values, inputs, True)


def _pool(values: Values, inputs: Sequence[Sizes], average: bool) -> nn.Module:
    _, height, width = one_map(values, inputs)
    asked = values.raw("kernel_size", "global")
    everything = asked in (None, "global")
    kernel = (height, width) if everything else values.pair("kernel_size")
    kernel = min(kernel[0], height), min(kernel[1], width)
    stride = (1, 1) if everything else values.pair("stride", 2)
    sides = sides_of(values, (height, width), kernel, stride, (1, 1), "valid")
    values.raw("stride")
    if kernel == stride == (1, 1):
        return nn.Identity()
    both = even(sides)
    if average:
        if kernel == (height, width) and both == (0, 0):
            return nn.AdaptiveAvgPool2d(1)
        if both is None:
            return AveragePool(kernel, stride, sides, (height, width))
        return nn.AvgPool2d(kernel, stride, both, count_include_pad=False)
    parts = padded(sides, {"pool": nn.MaxPool2d(kernel, stride, both or 0)}, -float("inf"))
    return nn.Sequential(OrderedDict(parts)) if len(parts) > 1 else parts["pool"]
