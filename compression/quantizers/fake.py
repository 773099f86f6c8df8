"""Round tensors onto a grid, and say what slopes pass: the few operations of every quantizer."""

import math
from typing import Any, Literal

import torch
from torch import Tensor

from compression.quantizers.grid import Grid

Learns = Literal["step", "end"]
"""What has slopes beside x: the step, or the step as that which sets where the grid ends."""


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
        learns: Learns | None,
        scale: float,
    ) -> Tensor:
        v = _in_steps(x, step, offset)
        q = v.floor_() if grid.half else v.round_()
        q = q.clamp_(grid.low, grid.high)
        if grid.half:
            q = q.add_(0.5)
        y = q.mul_(step)
        if offset is not None:
            y = y.add_(offset)
        ctx.save_for_backward(x, y, step, offset)
        ctx.grid, ctx.learns, ctx.scale = grid, learns, scale
        return y

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, y, step, offset = ctx.saved_tensors
        grid, learns = ctx.grid, ctx.learns
        low, high = _open(grid, learns)
        # A number leaves a GPU only when that is waited for, and a compiled graph not at all.
        eager = x.device.type == "cpu" and not torch.compiler.is_compiling()
        if eager and step.numel() == 1 and offset is None:
            size = float(step)
            passed = torch.ops.aten.hardtanh_backward(slope, x, low * size, high * size)
        else:
            size = 1.0
            x = _in_steps(x, step, offset)
            passed = torch.ops.aten.hardtanh_backward(slope, x, low, high)
        if not learns:
            return passed, None, None, None, None, None
        q = y if offset is None else y - offset
        if learns == "end":
            found = (_dot(slope, q, step) - _dot(passed, q, step)) / step
            return passed, found, None, None, None, None
        found = (_dot(slope, q, step) / step - _dot(passed, x, step) / size) * ctx.scale
        moved = None
        if offset is not None and ctx.needs_input_grad[2]:
            moved = _dot(slope - passed, None, offset) * ctx.scale
        return passed, found, moved, None, None, None


def _open(grid: Grid, learns: Learns | None) -> tuple[float, float]:
    """Between which numbers of steps slopes pass: to where rounding leads to the grid, or, where
    something learns, to the ends of the grid."""
    if learns == "end":
        return (-grid.reach if grid.low < 0 else 0.0), grid.reach
    if grid.half:
        return float(grid.low), grid.high + 1.0
    slack = 0.0 if learns else 0.5
    return grid.low - slack, grid.high + slack


def _in_steps(x: Tensor, step: Tensor, offset: Tensor | None) -> Tensor:
    return x.div(step) if offset is None else (x - offset).div_(step)


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
    return _Rounded.apply(x, step, offset, grid, None, 1.0)  # pyright: ignore[reportReturnType]


def learned(
    x: Tensor, step: Tensor, grid: Grid, count: int, offset: Tensor | None = None
) -> Tensor:
    """`rounded`, with slopes for `step` and `offset` (LSQ, Esser et al. 2020, equations 1 to 3).

    d/dstep is q - v inside the grid, q where it clips; it is divided by the root of `count`, the
    weights of a step or the features of an image, times the grid's upper end (section 2.2). That
    of the offset is 1 where it clips (LSQ+, Bhalgat et al. 2020, equation 6).
    """
    scale = 1.0 / math.sqrt(count * max(grid.high, 1))
    answer = _Rounded.apply(x, step, offset, grid, "step", scale)
    return answer  # pyright: ignore[reportReturnType]


def clipped(x: Tensor, end: Tensor, grid: Grid) -> Tensor:
    """x on as many levels up to `end` [1] as the grid has, from 0 or -end on.

    Slopes pass to x inside, and to the end where x is clipped to it (PACT, Choi et al. 2018,
    equation 3).
    """
    answer = _Rounded.apply(x, end / grid.reach, None, grid, "end", 1.0)
    return answer  # pyright: ignore[reportReturnType]


def straight(x: Tensor, y: Tensor) -> Tensor:
    """y, with the slopes of x: the straight-through estimator."""
    return _Straight.apply(x, y)  # pyright: ignore[reportReturnType]


def _dot(one: Tensor, other: Tensor | None, like: Tensor) -> Tensor:
    """The sum of the products over all elements that share a number of `like`, in its shape."""
    if like.numel() == 1 and other is not None and not torch.compiler.is_compiling():
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
