"""Evenly spaced levels from 0 to 1: `by: dorefa`."""

import torch
from torch import nn

from compression.quantizers.activations.base import ActivationKind
from compression.quantizers.on_grid import OnGrid
from compression.quantizers.seen import Sample


class DorefaActivations(ActivationKind, frozen=True, tag="dorefa"):
    """clip(x, 0, 1), or -1 to 1 where something lies below zero (DoReFa-Net and WRPN).

    Nothing is calibrated: the network must learn with it.
    """

    def quantizer(self, seen: Sample) -> nn.Module:
        grid = self.grid(seen)
        return OnGrid(grid, torch.full((1,), 1.0 / grid.reach))
