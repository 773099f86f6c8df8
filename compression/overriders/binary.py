"""Numbers that are 1 above a threshold, else 0: `by: threshold-binary`."""

from torch import Tensor

from compression.overriders.base import Overrider, OverriderKind
from compression.quantizers.fake import straight


class ThresholdBinary(OverriderKind, frozen=True, tag="threshold-binary"):
    """1 where x > `threshold`, else 0.

    Slopes pass where x lies within 1 of the threshold (Hubara et al. 2016, equation 4).
    """

    threshold: float = 0.0

    def made(self, like: Tensor | None) -> Overrider:
        return Above(self.threshold)


class Above(Overrider):
    """x -> 0 or 1."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        value = (x.detach() > self.threshold).to(x.dtype)
        return straight(x.clamp(self.threshold - 1, self.threshold + 1), value)
