"""What a gate goes by: how much each channel of a layer is worth, told by the layer's input."""

from typing import Literal

import torch
from torch import Tensor, nn

Pool = Literal["avg", "max", "l1", "l2"]
"""Of the positions of a channel: the mean, the largest, the mean size, the root mean square."""


class Saliency(nn.Module):
    """[B, in, H, W] -> [B, out]: relu(W pool(x) + b) (Gao et al. 2019, equation 7).

    `pool` makes one number of each channel. With `heard` the last answer in training is kept,
    with its slopes, until somebody takes it.
    """

    def __init__(self, channels: int, out: int, pool: Pool) -> None:
        super().__init__()
        self.pool: Pool = pool
        self.predict = nn.Linear(channels, out)
        self.heard = False
        self.said: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        said = self.predict(pooled(x, self.pool)).relu()
        if self.heard and self.training and torch.is_grad_enabled():
            self.said = said
        return said

    def take(self) -> Tensor:
        """The answer [B, out] of the last pass, once."""
        assert self.said is not None, "nothing has passed"
        said, self.said = self.said, None
        return said


def pooled(x: Tensor, pool: Pool) -> Tensor:
    """[B, C, H, W] -> [B, C]; the slope of a root mean square of 0 is 0."""
    match pool:
        case "avg":
            return x.mean((2, 3))
        case "max":
            return x.amax((2, 3))
        case "l1":
            return x.abs().mean((2, 3))
        case "l2":
            places = x.shape[2] * x.shape[3]
            return torch.linalg.vector_norm(x, 2, (2, 3)) / places**0.5
