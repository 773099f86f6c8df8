"""Structures of a weight: filters, channels, kernels, blocks, or the whole layer."""

from typing import Literal

from msgspec import Struct
from torch import Tensor

Over = Literal["filters", "channels", "kernels", "blocks", "layer"]


class Structure(Struct, frozen=True, kw_only=True):
    """Which numbers of a weight [out, in, ...] stand or fall together.

    The `filters` of a layer (its outputs, the rows of a matrix), its `channels` (its inputs, the
    columns), every `kernels` (one output, one input), `blocks` of `size` inputs and `outputs`
    neighbouring outputs at one place of the kernel, or the whole `layer`. A tensor with one axis is
    one structure.
    """

    over: Over = "filters"
    size: int = 8
    outputs: int = 1

    def __post_init__(self) -> None:
        if self.size < 1 or self.outputs < 1:
            raise ValueError(
                f"blocks of {self.size} inputs and {self.outputs} outputs are no blocks"
            )

    def rows(self, weight: Tensor) -> Tensor:
        """[structures, numbers]; ValueError where blocks do not fit."""
        if self.over == "layer" or weight.ndim < 2:
            return weight.reshape(1, -1)
        if self.over == "filters":
            return weight.flatten(1)
        if self.over == "channels":
            return weight.transpose(0, 1).flatten(1)
        if self.over == "kernels":
            return weight.reshape(weight.shape[0] * weight.shape[1], -1)
        out, taken = weight.shape[:2]
        if taken % self.size:
            raise ValueError(
                f"the {taken} inputs of a weight are no whole number of blocks of {self.size}: "
                "leave its layer out, or take another `size`"
            )
        if out % self.outputs:
            raise ValueError(
                f"the {out} outputs of a weight are no whole number of blocks of {self.outputs}: "
                "leave its layer out, or take other `outputs`"
            )
        return self._in_blocks(weight).flatten(0, 2).flatten(1)

    def spread(self, kept: Tensor, weight: Tensor) -> Tensor:
        """What is said of each structure [structures], said of each number of a weight."""
        if self.over == "layer" or weight.ndim < 2:
            return kept.expand(weight.numel()).reshape(weight.shape)
        ones = [1] * (weight.ndim - 2)
        if self.over == "filters":
            return kept.reshape(-1, 1, *ones).expand(weight.shape)
        if self.over == "channels":
            return kept.reshape(1, -1, *ones).expand(weight.shape)
        if self.over == "kernels":
            return kept.reshape(*weight.shape[:2], *ones).expand(weight.shape)
        blocks = self._in_blocks(weight)
        each = kept.reshape(*blocks.shape[:3], 1, 1).expand(blocks.shape)
        places = each.permute(0, 3, 1, 4, 2).reshape(*weight.shape[:2], -1)
        return places.reshape(weight.shape)

    def _in_blocks(self, weight: Tensor) -> Tensor:
        """[rows of blocks, blocks in a row, places of the kernel, outputs, size]."""
        out, taken = weight.shape[:2]
        cut = weight.reshape(out // self.outputs, self.outputs, taken // self.size, self.size, -1)
        return cut.permute(0, 2, 4, 1, 3)
