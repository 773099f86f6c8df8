"""Layers that change sizes and compute nothing, but for a mean."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from proxyless_nas.described.layers.base import Sizes, one_map, only_one, told
from proxyless_nas.described.padding import Pad
from proxyless_nas.described.values import Values, pair, whole
from proxyless_nas.language.values import Items


class Crop(nn.Module):
    """[B, C, H, W] without rows and columns at its ends."""

    def __init__(self, top: int, bottom: int, left: int, right: int) -> None:
        super().__init__()
        self.ends = (top, bottom, left, right)

    def forward(self, x: Tensor) -> Tensor:
        top, bottom, left, right = self.ends
        return x[:, :, top : x.shape[2] - bottom, left : x.shape[3] - right]


def flatten(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """All features of an image in one row."""
    only_one(values, inputs)
    return nn.Flatten()


def squeeze(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """A map of one position as features; `axis` counts as TensorFlow does, [1, 2]."""
    sizes = only_one(values, inputs)
    values.raw("axis")
    if any(side != 1 for side in sizes[1:]):
        values.refuse(None, f"a map of {told(sizes)} has more than one position")
    return nn.Flatten()


def reduce_mean(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """The mean over all positions, `axis: [1, 2]`."""
    one_map(values, inputs)
    axis = values.raw("axis", [1, 2])
    if list(axis if isinstance(axis, list) else [axis]) != [1, 2]:
        values.refuse("axis", "only [1, 2], over all positions")
    kept = values.truth("keep_dims", False)
    pool = nn.AdaptiveAvgPool2d(1)
    return pool if kept else nn.Sequential(OrderedDict(pool=pool, flatten=nn.Flatten()))


def pad(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """Zeros around: `padding: [[top, bottom], [left, right]]`, or a number."""
    one_map(values, inputs)
    (top, bottom), (left, right) = values.must("padding", _ends, "[[1, 1], [1, 1]], or a number")
    return Pad((left, right, top, bottom))


def crop(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """Without the ends: `cropping: [[top, bottom], [left, right]]`, or a number."""
    one_map(values, inputs)
    (top, bottom), (left, right) = values.must("cropping", _ends, "[[1, 1], [1, 1]], or a number")
    return Crop(top, bottom, left, right)


def space_to_depth(values: Values, inputs: Sequence[Sizes]) -> nn.Module:
    """Squares of `block_size` positions become channels; their order is torch's."""
    one_map(values, inputs)
    return nn.PixelUnshuffle(values.whole("block_size"))


def _ends(value: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    if isinstance(value, (Items, list)):
        first, second = value
        return _two(first), _two(second)
    both = _two([value, value])
    return both, both


def _two(value: Any) -> tuple[int, int]:
    if isinstance(value, (Items, list)):
        first, second = (0 if one == 0 else whole(one) for one in value)
        return first, second
    return pair(value)
