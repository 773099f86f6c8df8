"""The empty block: its input, unchanged. The paper's Zero operation beside a shortcut."""

from collections.abc import Mapping
from typing import Self

from torch import nn

from proxyless_nas.blocks.base import BatchNorm, Block
from proxyless_nas.layer import Layer, Shape


class Skip(Block, frozen=True, tag="skip"):
    """Nothing is computed and nothing is paid."""

    def output(self, shape: Shape) -> Shape:
        return shape

    def layers(self, name: str, shape: Shape) -> tuple[Layer, ...]:
        return ()

    def with_widths(self, name: str, widths: Mapping[str, int]) -> Self:
        return self

    def build(self, shape: Shape, norm: BatchNorm) -> nn.Module:
        return nn.Identity()
