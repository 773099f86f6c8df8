"""What every step of a recipe is: when, and what it does to a network that learns."""

from abc import ABC, abstractmethod
from typing import ClassVar

from msgspec import Struct
from torch import Tensor, nn

from compression.channels.cut import Chosen
from compression.schedule import When
from proxyless_nas.layer import Shape
from training.companion import Judge, Seen
from training.plan import Plan


class Step(Struct, frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True):
    """One step; a subclass says which."""

    replaces_layers: ClassVar[bool] = False
    """Whether some layers of the network are others behind `begin`."""
    holds_layers: ClassVar[bool] = True
    """Whether it works on the layers that it found at `begin`."""
    when: When = When()

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> "AtWork":
        """Prepare `network` for a training on images of `shape`, and go along with it.

        `seen` gives some of its images.

        ValueError where the step does not fit the network, or the training.
        """
        raise NotImplementedError

    def times(self, plan: Plan) -> list[int]:
        """The steps of the training before which it works."""
        return self.when.steps(plan.per_epoch, plan.steps)

    def end(self, plan: Plan) -> int:
        """The step of the training at which it is over."""
        return self.when.last(plan.per_epoch, plan.steps)


class AtWork(ABC):
    """A step in one training; `training.companion.Companion` says when it is asked."""

    last_change: int = -1
    """The last step of the training before which it changes the network."""
    leaves_another: bool = False
    """Whether what `finished` leaves answers otherwise than the network that learns."""

    @abstractmethod
    def before(self, step: int) -> None:
        """Called before `step`, counted from 0."""

    def goes_back(self, step: int) -> bool:
        """Called when all steps of the recipe have been called before `step`.

        Whether it has put the network back to what it was at an earlier time.
        """
        return False

    def state(self) -> dict[str, Tensor]:
        """What it must remember and does not keep in buffers of the network."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue from `state()`, whose tensors may be on another device."""
        assert not state

    def penalty(self, x: Tensor, logits: Tensor, judge: Judge) -> Tensor | None:
        """What it adds to the loss of images `x`, with slopes."""
        return None

    def gradients(self) -> None:
        """Called when the slopes of a step are whole, before an optimizer takes them."""
        return None

    def told(self) -> str:
        """What it did to the network at `begin`, for people; empty for nothing they must know."""
        return ""

    def gone(self, network: nn.Module) -> Chosen:
        """Channels that can be removed from `network`, which it goes along with, or its average."""
        return {}

    def finished(self, network: nn.Module) -> nn.Module:
        """What the step leaves in the end of `network`, a plain copy that nobody else has."""
        return network
