"""What passes between a problem, a strategy and an evaluator: knobs, choices, evidence."""

from dataclasses import dataclass

from msgspec import Struct
from torch import Tensor


class Knob(Struct, frozen=True):
    """One decision: its name and what each option is called."""

    name: str
    labels: tuple[str, ...]


class Choices(Struct, frozen=True):
    """One option per knob, and per knob the other option whose slope is asked for, if any."""

    options: tuple[int, ...]
    rivals: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Evidence:
    """What an evaluator says of choices.

    `loss` is a scalar tensor. `slopes` [knobs, 2] holds dL/dg at the gates of the chosen option
    (column 0) and of its rival (column 1), where rivals were named.
    """

    loss: Tensor
    slopes: Tensor | None = None
