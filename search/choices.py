"""What passes between a problem, a strategy and an evaluator: knobs, choices, evidence."""

from dataclasses import dataclass

from msgspec import Struct
from torch import Tensor


class NotMet(ValueError):
    """A goal that no choices meet, as far as was searched."""


class Knob(Struct, frozen=True):
    """One decision: its name and what each option is called."""

    name: str
    labels: tuple[str, ...]


class Choices(Struct, frozen=True):
    """One option per knob, and per knob the other options whose slopes are asked for, if any."""

    options: tuple[int, ...]
    closed: tuple[tuple[int, ...], ...] | None = None


@dataclass(frozen=True)
class Evidence:
    """What an evaluator says of choices.

    `loss` is a scalar tensor, `accuracy` a fraction of 1. Where closed options were named,
    `slopes` [knobs, 1 + most closed] holds dL/dg at the gate of the chosen option (column 0), then
    of the closed ones in their order; zeros where a knob has fewer.
    """

    loss: Tensor
    accuracy: Tensor
    slopes: Tensor | None = None
