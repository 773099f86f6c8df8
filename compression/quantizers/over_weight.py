"""A module that stands over a weight: what the layer computes with is what it makes of that."""

from torch import Tensor, nn


class OverWeight(nn.Module):
    """A parametrization [out, ...] -> the same that keeps below what is assigned."""

    def right_inverse(self, weight: Tensor) -> Tensor:
        """What to keep below."""
        return weight
