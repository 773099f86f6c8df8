"""What changes a network while it learns, beside the optimizer: masks that move, penalties."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

Judge = Callable[[Tensor], Tensor]
"""The training's own loss, of any logits [B, K] for the images at hand."""

Seen = Callable[[int], Sequence[tuple[Tensor, Tensor]]]
"""So many training images, or all there are, of all classes alike and not augmented: batches of
([B, C, H, W], [B]) where the network is; the same ones for every worker."""


def nothing_seen(count: int) -> Sequence[tuple[Tensor, Tensor]]:
    """Where there are no images: ValueError."""
    raise ValueError(f"{count} training images are to be looked at, and none are at hand here")


class Companion(ABC):
    """Goes along with every step of a training.

    What it must remember from step to step stands in buffers of the network, or in its `state`, so
    that a run which is continued continues it too; what it does at a step depends on nothing else.
    """

    @abstractmethod
    def told(self) -> str:
        """What it has done to the network before the training, for people; empty for nothing."""

    @abstractmethod
    def before(self, step: int) -> bool:
        """Called before `step`, counted from 0.

        Whether it has put the network back to what it was at an earlier time: then what was
        gathered since, momenta and an average of the weights, must be forgotten.
        """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What it must remember beside the buffers of the network: tensors, in dicts."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`, whose tensors may be on another device."""

    @abstractmethod
    def penalty(self, x: Tensor, logits: Tensor, judge: Judge) -> Tensor | None:
        """A scalar to add to the loss of images `x`, with its slopes; None for nothing.

        That loss is `judge(logits)`; where it has a teacher, every call asks him again.
        """

    @abstractmethod
    def gradients(self) -> None:
        """Called when the slopes of a step are whole, ahead of the optimizer and of clipping.

        The slope of each parameter is then that of all images, the same for all workers; what
        stands in its place afterwards is what the optimizer takes.
        """

    @abstractmethod
    def plain(self, network: nn.Module) -> nn.Module:
        """A copy of what it goes along with, or of its average, as it would be without it."""

    @abstractmethod
    def leaves_another(self) -> bool:
        """Whether `plain` answers otherwise than what learns; then that is scored in the end."""

    @abstractmethod
    def settled(self, done: int) -> bool:
        """Whether it changes the network no more once so many steps are done.

        Until then no state counts as the best: a network that is still whole would win.
        """
