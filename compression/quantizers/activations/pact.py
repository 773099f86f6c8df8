"""Evenly spaced levels up to a learned end: `by: pact`."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from compression.quantizers.activations.base import ActivationKind
from compression.quantizers.fake import clipped
from compression.quantizers.fitting import fitted
from compression.quantizers.grid import Grid
from compression.quantizers.ranges import MeanSquare
from compression.quantizers.seen import Sample

TINY = 1e-6


class PactActivations(ActivationKind, frozen=True, tag="pact"):
    """PACT (Choi et al. 2018, equations 1 to 3): clip(x, 0, a), with slopes for a where it clips.

    Where something lies below zero it is clipped to -a too, as in HAQ's code. `clip` is the first
    a; without it the one at which the mean square error over what was seen is least. `decay` times
    a^2 / 2 is added to the loss.
    """

    clip: float | None = None
    decay: float = 1e-4

    def __post_init__(self) -> None:
        ActivationKind.__post_init__(self)
        if self.clip is not None and self.clip <= 0:
            raise ValueError(f"activations clipped to {self.clip:g} are all 0")

    def quantizer(self, seen: Sample) -> nn.Module:
        grid, first = self.grid(seen), self.clip
        if first is None:
            first = float(fitted(seen.values[None], grid, MeanSquare())) * grid.reach
        return Clipped(grid, max(first, TINY), self.decay)


class Clipped(nn.Module):
    """x -> in [0, clip] or [-clip, clip], on as many levels as the grid has."""

    decays: ClassVar[bool] = False

    def __init__(self, grid: Grid, clip: float, decay: float) -> None:
        super().__init__()
        self.grid, self.decay = grid, decay
        self.clip = nn.Parameter(torch.full((1,), clip))

    def forward(self, x: Tensor) -> Tensor:
        return clipped(x, self.clip.abs().clamp(min=TINY), self.grid)

    def limits(self) -> tuple[float, float]:
        """The least and the largest number."""
        end = float(self.clip.detach().abs().clamp(min=TINY))
        return (-end if self.grid.low < 0 else 0.0), end

    def penalty(self) -> Tensor:
        """decay clip^2 / 2."""
        return self.decay / 2 * self.clip.square().sum()
