"""What kinds of layers share: the sizes that come in, and how they are told."""

from collections.abc import Callable, Sequence

from torch import nn

from proxyless_nas.described.values import Values

Sizes = tuple[int, ...]
"""Of one value, without the batch: (C, H, W) or (C,)."""
Kind = Callable[[Values, Sequence[Sizes]], nn.Module]


def only_one(values: Values, inputs: Sequence[Sizes]) -> Sizes:
    """The sizes of the one input; ValueError where there are more."""
    if len(inputs) != 1:
        values.refuse(None, f"takes one input, not {len(inputs)}: join them first")
    return inputs[0]


def one_map(values: Values, inputs: Sequence[Sizes]) -> tuple[int, int, int]:
    """Channels, height and width of the one input; ValueError where it has no positions."""
    sizes = only_one(values, inputs)
    if len(sizes) != 3:
        values.refuse(None, f"takes a map of channels, not {told(sizes)}")
    return sizes[0], sizes[1], sizes[2]


def told(sizes: Sizes) -> str:
    """Sizes in words."""
    return "x".join(map(str, sizes)) + ("" if len(sizes) > 1 else " features")
