"""The step that makes a network narrower before it learns: `do: narrow`."""

from typing import ClassVar

from torch import nn

from compression.channels.cut import noise, remove, removed
from compression.masks import plain_copy
from compression.refit import repaired
from compression.schedule import When
from compression.steps.base import AtWork
from compression.steps.fewer import Fewer
from proxyless_nas.counting import macs_of
from proxyless_nas.layer import Shape
from training.companion import Seen
from training.datasets import images_in
from training.plan import Plan


class NarrowStep(Fewer, frozen=True, tag="narrow"):
    """Before anything is learnt, channels leave for good: those of the least score, as `channels`
    takes them at one time.

    What learns is the narrow network, which takes less time for each image than a masked one; to
    steps behind this one it is a network like any other, so weights may get fewer bits in the same
    training. What is left must answer as the masked network would, to 1e-5. It works once: it has
    no `when`, and shares do not move. What leaves depends on the first weights alone, and on the
    images that are `seen`, so a run that is continued is as narrow.
    """

    replaces_layers: ClassVar[bool] = True
    holds_layers: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.when != When():
            raise ValueError("narrow works once, before anything is learnt: leave its `when` out")
        for what, share in (("macs", self.macs), ("density", self.density)):
            if not isinstance(share, float | int | None):
                raise ValueError(f"narrow works once: `{what}` is one share, not a curve")

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        share, batches = self.shares(1)[0], self.batches_of(seen)
        plain = plain_copy(network)
        channels = self.channels_of(plain, shape)
        chosen = self.lost(plain, channels, shape, batches, share, {})
        if self.repair is not None:
            plain, _ = repaired(plain, channels, chosen, images_in(batches))
        whole = plain.cpu()  # where both are compared in whole float32
        removed(whole, channels, chosen, noise(shape, whole))
        before = macs_of(whole, shape)
        network.load_state_dict(plain.state_dict())
        remove(network, channels, chosen)
        left = macs_of(network, shape) / before
        return _Narrow(sum(map(len, chosen.values())), left, channels.split)


class _Narrow(AtWork):
    """Channels that have left."""

    def __init__(self, count: int, left: float, split: str) -> None:
        self._told = f"{count} channels have left: {left:.3f} of the multiply-accumulates stay"
        self._split = split

    def before(self, step: int) -> None:
        pass

    def told(self) -> str:
        return f"{self._told}\n{self._split}".strip()
