"""Binary gates: pass one candidate's output on, and report the slopes of the others' gates.

y = sum_j g_j o_j(x) with one-hot g, so y is the open candidate's output, and
dL/dg_j = <dL/dy, o_j(x)>, summed over batch, channels and space (Cai et al. 2019, section 3.2).
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

Keep = Literal["outputs", "inputs"]
"""What is kept for the slopes of the closed candidates until backward: every closed one's output,
or the edge's one input, from which they are computed when they are needed."""


class Gate(torch.autograd.Function):
    """`gates` [1 + closed], o_0, o_1, ... -> o_0; backward fills every dL/dg_j."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, *outputs: Tensor) -> Tensor:
        ctx.save_for_backward(*outputs)
        ctx.dtype = gates.dtype
        return outputs[0].view_as(outputs[0])

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = upstream
        outputs: tuple[Tensor, ...] = ctx.saved_tensors
        slopes = torch.stack([_slope(gradient, output) for output in outputs])
        return (slopes.to(ctx.dtype), gradient, *[None] * (len(outputs) - 1))


class RecomputingGate(torch.autograd.Function):
    """`gates` [1 + closed], x, o_0, closed candidates -> o_0; backward runs them on x, one by one.

    Only one closed output exists at a time, so a step needs the memory of one path.
    """

    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, x: Tensor, output: Tensor, closed: Sequence[nn.Module]
    ) -> Tensor:
        ctx.save_for_backward(x, output)
        ctx.closed, ctx.dtype = closed, gates.dtype
        ctx.autocast = _autocast_of(x)
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = upstream
        x, output = ctx.saved_tensors
        slopes = [_slope(gradient, output)]
        with torch.no_grad(), ctx.autocast():
            slopes += [_slope(gradient, candidate(x)) for candidate in ctx.closed]
        return torch.stack(slopes).to(ctx.dtype), None, gradient, None


class WidthGate(torch.autograd.Function):
    """`gates` [1 + closed], x -> x without the channels beyond the first of `kept`.

    Its candidates are x with other numbers of channels kept, the closed ones' in their order, so
    all slopes come from one product per channel.
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, x: Tensor, kept: Sequence[int]) -> Tensor:
        ctx.save_for_backward(x)
        ctx.kept, ctx.dtype = kept, gates.dtype
        return without_beyond(x, kept[0])

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = upstream
        (x,) = ctx.saved_tensors
        each = (gradient.float() * x.float()).sum(dim=(0, 2, 3))
        slopes = torch.stack([each[:channels].sum() for channels in ctx.kept])
        return slopes.to(ctx.dtype), without_beyond(gradient, ctx.kept[0]), None


def without_beyond(x: Tensor, channels: int) -> Tensor:
    """x [B, C, H, W] with zeros in all but the first `channels`."""
    if channels == x.shape[1]:
        return x.view_as(x)
    kept = torch.arange(x.shape[1], device=x.device) < channels
    return x * kept.to(x.dtype)[:, None, None]


def listen(
    gates: Tensor, x: Tensor, output: Tensor, closed: Sequence[nn.Module], keep: Keep
) -> Tensor:
    """`output`, the open candidate's; backward also fills the slopes of `gates` [1 + closed]."""
    if keep == "inputs":
        return RecomputingGate.apply(gates, x, output, closed)  # pyright: ignore
    with torch.no_grad():
        others = [candidate(x) for candidate in closed]
    return Gate.apply(gates, output, *others)  # pyright: ignore


def _slope(gradient: Tensor, output: Tensor) -> Tensor:
    return (gradient.float() * output.float()).sum()


def _autocast_of(x: Tensor) -> Callable[[], torch.autocast]:
    """Makes the autocast that is in force now."""
    kind = x.device.type
    enabled, dtype = torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)
    return lambda: torch.autocast(kind, dtype, enabled=enabled)
