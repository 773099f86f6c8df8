"""What every overrider is: how it is written down, where it fits, and what it does to a tensor."""

from typing import Literal, get_args

from msgspec import Struct
from torch import Tensor, nn

Of = Literal["weight", "bias", "input", "output", "weight-gradient", "bias-gradient", "error"]
"""What is overridden: a tensor that a layer holds, what flows into it or out of it, the slopes of
the loss by a tensor, or by what flows out."""
EVERYWHERE: tuple[Of, ...] = get_args(Of)
HELD: tuple[Of, ...] = ("weight", "bias")
ELEMENTS: tuple[Of, ...] = (*HELD, "weight-gradient", "bias-gradient")
"""What has the same elements at every step."""
FLOWS: tuple[Of, ...] = ("input", "output", "error")


class Overrider(nn.Module):
    """x [any shape] -> the same shape, as the network shall compute with it.

    Slopes pass straight through: 1 where x is inside of what it clips to, else 0. Whatever it
    chose from the numbers stands in its buffers.
    """

    def forward(self, x: Tensor) -> Tensor:
        """What stands for x."""
        raise NotImplementedError

    def start(self, x: Tensor) -> None:
        """Called once, ahead of the first `refresh`."""

    def refresh(self, x: Tensor) -> None:
        """Choose anew, by numbers x like those that come, whatever it chooses."""

    def draw(self, step: int, place: str) -> None:
        """Called before every step of a training; `place` names the tensor it stands over."""

    def penalty(self, x: Tensor) -> Tensor | None:
        """What it adds to the loss, with slopes; None for nothing."""
        return None


class OverriderKind(Struct, frozen=True, kw_only=True, tag_field="by", forbid_unknown_fields=True):
    """One kind of overrider; a subclass says which."""

    @property
    def fits(self) -> tuple[Of, ...]:
        """What it can stand over."""
        return EVERYWHERE

    @property
    def looks(self) -> bool:
        """Whether it chooses something by the numbers that it is shown."""
        return False

    @property
    def once(self) -> bool:
        """Whether it chooses at the first refresh alone."""
        return not self.looks

    @property
    def refreshes(self) -> int:
        """How often it must be refreshed to do what it says."""
        return 1

    def made(self, like: Tensor | None) -> Overrider:
        """An overrider for a tensor, or for numbers of any shape.

        ValueError where it does not fit.
        """
        raise NotImplementedError
