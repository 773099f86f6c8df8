"""The step that lets a network learn from what it was at the start: `do: teach`."""

from typing import ClassVar

from torch import Tensor, nn

from compression.masks import plain_copy
from compression.schedule import AnyCurve
from compression.steps.base import AtWork, Step
from compression.steps.strength import Strength
from proxyless_nas.layer import Shape
from training.companion import Judge, Seen
from training.losses import Teacher
from training.plan import Plan


class TeachStep(Step, frozen=True, tag="teach"):
    """`strength` times T^2 KL(first || network) is added to the loss (Hinton et al. 2015).

    The first network is the one that the training began with, as earlier steps of the recipe have
    prepared it; both answers are softened by T, the `temperature`. `main.py --teacher` takes
    another one.
    """

    holds_layers: ClassVar[bool] = False
    strength: float | AnyCurve = 1.0
    temperature: float = 4.0

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"a temperature of {self.temperature:g} is not above 0")

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        teacher = plain_copy(network)
        return _Teaching(Teacher(teacher, self.temperature), Strength.of(self, self.strength, plan))


class _Teaching(AtWork):
    """A teacher whose say changes at some times."""

    def __init__(self, teacher: Teacher, strength: Strength) -> None:
        self._teacher, self._strength = teacher, strength

    def before(self, step: int) -> None:
        self._strength.before(step)

    def penalty(self, x: Tensor, logits: Tensor, judge: Judge) -> Tensor | None:
        return self._strength.now * self._teacher(logits, x) if self._strength.now else None
