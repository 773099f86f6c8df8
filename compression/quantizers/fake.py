"""Round tensors onto a grid, and say what slopes pass: the few operations of every quantizer."""

import math
from typing import Any

import torch
from torch import Tensor

from compression.quantizers.grid import Grid


class _Rounded(torch.autograd.Function):
    """(round(clip(v, low, high)) + shift) step + offset for v = (x - offset) / step.

    Nothing is kept but x, the answer and the step, which are kept anyhow.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        step: Tensor,
        offset: Tensor | None,
        grid: Grid,
        scale: float | None,
    ) -> Tensor:
        v = x.div(step) if offset is None else (x - offset).div_(step)
        q = v.floor_() if grid.half else v.round_()
        q = q.clamp_(grid.low, grid.high)
        if grid.half:
            q = q.add_(0.5)
        y = q.mul_(step)
        if offset is not None:
            y = y.add_(offset)
        ctx.save_for_backward(x, y, step, offset)
        ctx.grid, ctx.scale = grid, scale
        return y

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, y, step, offset = ctx.saved_tensors
        grid, scale = ctx.grid, ctx.scale
        v = x.div(step) if offset is None else (x - offset).div_(step)
        slack = 0.5 if scale is None else 0.0
        low, high = grid.low - slack, grid.high + slack
        if grid.half:
            high += 1.0 - slack
            low += slack
        passed = torch.ops.aten.hardtanh_backward(slope, v, low, high)
        if scale is None:
            return passed, None, None, None, None
        q = y if offset is None else y - offset
        found = (_dot(slope, q, step) / step - _dot(passed, v, step)) * scale
        moved = None
        if offset is not None and ctx.needs_input_grad[2]:
            moved = _dot(slope - passed, None, offset) * scale
        return passed, found, moved, None, None


class _Straight(torch.autograd.Function):
    """x, y -> y, whose slopes go to x alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        return y.clone() if y is x else y.view_as(y)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return slope, None


def rounded(x: Tensor, step: Tensor, grid: Grid, offset: Tensor | None = None) -> Tensor:
    """x on the grid; slopes pass where it was not clipped, and none reach `step` and `offset`.

    These two are broadcast to x.
    """
    return _Rounded.apply(x, step, offset, grid, None)  # pyright: ignore[reportReturnType]


def learned(
    x: Tensor, step: Tensor, grid: Grid, count: int, offset: Tensor | None = None
) -> Tensor:
    """`rounded`, with slopes for `step` and `offset` (LSQ, Esser et al. 2020, equations 1 to 3).

    d/dstep is q - v inside the grid, q where it clips; it is divided by the root of `count`, the
    weights of a step or the features of an image, times the grid's upper end (section 2.2). That
    of the offset is 1 where it clips (LSQ+, Bhalgat et al. 2020, equation 6).
    """
    scale = 1.0 / math.sqrt(count * max(grid.high, 1))
    return _Rounded.apply(x, step, offset, grid, scale)  # pyright: ignore[reportReturnType]


def straight(x: Tensor, y: Tensor) -> Tensor:
    """y, with the slopes of x: the straight-through estimator."""
    return _Straight.apply(x, y)  # pyright: ignore[reportReturnType]


def _dot(one: Tensor, other: Tensor | None, like: Tensor) -> Tensor:
    """The sum of the products over all elements that share a number of `like`, in its shape."""
    if like.numel() == 1 and other is not None:
        if one.dtype != other.dtype:
            other = other.to(one.dtype)
        if one.dtype != torch.float32:
            return (one.float() * other.float()).sum().reshape(like.shape)
        return torch.dot(_flat(one, other), _flat(other, other)).reshape(like.shape)
    product = one if other is None else one * other
    return product.float().sum_to_size(like.shape).to(like.dtype)


def _flat(tensor: Tensor, order: Tensor) -> Tensor:
    """All elements, in the order in which `order` keeps its own in memory; no copy where it can."""
    if order.dim() == 4 and order.is_contiguous(memory_format=torch.channels_last):
        return tensor.permute(0, 2, 3, 1).reshape(-1)
    return tensor.reshape(-1)
