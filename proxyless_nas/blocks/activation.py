"""The non-linearities that a block can be written with."""

from typing import Literal

from torch import nn

Activation = Literal["relu6", "relu", "hswish", "none"]


def build_activation(name: Activation) -> nn.Module:
    """The module of a written activation; `none` is the identity."""
    match name:
        case "relu6":
            return nn.ReLU6(inplace=True)
        case "relu":
            return nn.ReLU(inplace=True)
        case "hswish":
            return nn.Hardswish(inplace=True)
        case "none":
            return nn.Identity()
