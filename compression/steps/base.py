"""What every step of a recipe is: where, when, and what it does to a network that learns."""

from abc import ABC, abstractmethod

from msgspec import Struct
from torch import Tensor, nn

from compression.schedule import When
from compression.selectors import Where


class Step(Struct, frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True):
    """One step; a subclass says which."""

    where: Where = Where()
    when: When = When()

    def begin(self, network: nn.Module, per_epoch: int, steps: int) -> "AtWork":
        """Prepare `network` for a training of so many `steps`, and go along with it.

        ValueError where the step fits neither the network nor the training.
        """
        raise NotImplementedError


class AtWork(ABC):
    """A step in one training; `training.companion.Companion` says when it is asked."""

    @abstractmethod
    def before(self, step: int) -> None:
        """Called before `step`, counted from 0."""

    def penalty(self) -> Tensor | None:
        """What it adds to the loss, with slopes."""
        return None
