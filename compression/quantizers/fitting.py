"""A fixed step, and an offset where there is one, for numbers that were seen."""

import torch
from torch import Tensor

from compression.quantizers.fake import rounded
from compression.quantizers.grid import Grid, unsigned
from compression.quantizers.ranges import TINY, AnyRange, Limits

HAIR = 1e-6
"""Of a step: more than float32 errs by."""


def fitted(values: Tensor, grid: Grid, how: AnyRange) -> Tensor:
    """[rows, 1]: the step with which a grid around 0 holds each row of `values` [rows, numbers]."""

    def step_of(limits: Limits) -> Tensor:
        low, high = limits
        needed = torch.zeros_like(high)
        if grid.low < 0:
            below = -grid.low - 0.5 * grid.half
            needed = torch.maximum(needed, -low / below)
        above = grid.high + 0.5 * grid.half
        return torch.maximum(needed, high / above).clamp(min=TINY)[:, None]

    levels = torch.full((len(values),), grid.high + 1)
    return step_of(
        how.limits(values, levels, lambda limits: rounded(values, step_of(limits), grid))
    )


def fitted_beside(
    values: Tensor, bits: int, how: AnyRange, zero: bool = True
) -> tuple[Tensor, Tensor]:
    """[rows, 1] both: step and offset of an unsigned grid that need not lie around 0.

    `zero`: 0 is on it, and the offset is a whole number of steps. Otherwise the least level is the
    lower end of the range, and the largest the upper one, a hair beyond it: what lies half way
    between two levels is rounded down, as in PocketFlow.
    """
    grid = unsigned(bits)

    def affine(limits: Limits) -> tuple[Tensor, Tensor]:
        low, high = limits
        if zero:
            low, high = low.clamp(max=0.0), high.clamp(min=0.0)
        step = ((high - low) / grid.high).clamp(min=TINY)
        if zero:
            return step[:, None], ((low / step).round() * step)[:, None]
        return step[:, None] * (1 + HAIR), low[:, None]

    def error(limits: Limits) -> Tensor:
        step, offset = affine(limits)
        return rounded(values, step, grid, offset)

    below, above = -values.amin(dim=1).clamp(max=0.0), values.amax(dim=1).clamp(min=0.0)
    share = torch.maximum(below, above) / (below + above).clamp(min=TINY)
    return affine(how.limits(values, (grid.levels * share).ceil().int(), error))
