"""Stochastic depth: while a network trains, some images lose a path that is added to others."""

from torch import Tensor, nn


class DropPath(nn.Module):
    """Zero an image's path with probability `p`, divide what is kept by 1 - p: [B, ...] -> same.

    In eval mode, and where `p` is 0, the input itself is returned and no random number is drawn.
    Chance comes from torch's default generator, a number per image. Huang et al. 2016 drop the
    residual branches of blocks so, Larsson et al. 2017 the paths of a tree.
    """

    def __init__(self, p: float = 0.0) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = x.new_empty(len(x), *[1] * (x.dim() - 1)).bernoulli_(1 - self.p)
        return x * (kept / (1 - self.p))

    def extra_repr(self) -> str:
        return f"p={self.p:.4g}"
