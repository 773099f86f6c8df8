"""Zeros among overriders: every method of `compression/masks` can stand in a chain."""

import torch
from torch import Tensor

from compression.masks import AnyMethod, Mask
from compression.overriders.base import Overrider


class Masked(Overrider):
    """x -> x where a method keeps it, else 0; it chooses at every refresh by what comes to it.

    Below it the dense tensor stays: surgery lets that learn on where it is masked, and come back.
    """

    def __init__(self, method: AnyMethod, like: Tensor) -> None:
        super().__init__()
        method.mask(like.detach(), torch.ones_like(like, dtype=torch.bool))  # does it fit?
        self.method = method
        self.mask = Mask(like, "elements")
        self.mask.revives = method.revives

    def forward(self, x: Tensor) -> Tensor:
        return self.mask(x)

    def refresh(self, x: Tensor) -> None:
        self.mask.kept.copy_(self.method.mask(x, self.mask.kept))
