"""Powers of two, exactly: what fixed points, small floats and shifts are made of."""

import torch
from torch import Tensor

from compression.masks.methods import ROUNDING

LEAST, MOST = -126, 127
"""Exponents of whole float32 numbers."""


def power_of_two(exponent: Tensor) -> Tensor:
    """2^e in float32, to the last bit, for whole numbers e; those beyond float32's are its ends."""
    field = exponent.clamp(LEAST, MOST) + MOST
    return (field.to(torch.int32) << 23).view(torch.float32)


def exponent_of(size: Tensor) -> Tensor:
    """floor(log2 x) of numbers above 0, exactly."""
    return torch.frexp(size)[1] - 1


def top_exponent(x: Tensor, overflow: float) -> int | None:
    """The least e at which |x| >= 2^(e+1) for at most a share `overflow` of the non-zeros of x.

    None where all are zero.
    """
    sizes = x[x != 0].abs().float().flatten()
    if not len(sizes):
        return None
    over = min(int(overflow * len(sizes) + ROUNDING), len(sizes) - 1)
    largest = sizes.kthvalue(len(sizes) - over).values  # that must not overflow
    return int(exponent_of(largest))


def must_be_share(name: str, value: float) -> None:
    """ValueError for what is no share of an overflow."""
    if not 0 <= value < 1:
        raise ValueError(f"`{name}` is a share of the non-zeros, from 0 up to but not 1: {value:g}")
