"""What one path touches, and an optimizer that looks at nothing else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn, optim

from training.batch_norm import statistics


@dataclass(frozen=True)
class Touched:
    """What a weight step changes: parameters, and running statistics of batch norms."""

    parameters: tuple[nn.Parameter, ...]
    statistics: tuple[Tensor, ...]

    @staticmethod
    def of(module: nn.Module) -> "Touched":
        """Everything below `module`."""
        return Touched(tuple(module.parameters()), tuple(statistics(module)))

    @staticmethod
    def together(parts: Iterable["Touched"]) -> "Touched":
        """All of them, in order."""
        parts = list(parts)
        return Touched(
            tuple(p for part in parts for p in part.parameters),
            tuple(s for part in parts for s in part.statistics),
        )

    def without(self, others: "Touched") -> "Touched":
        """What is here and not there."""
        gone = {id(tensor) for tensor in (*others.parameters, *others.statistics)}
        return Touched(
            tuple(p for p in self.parameters if id(p) not in gone),
            tuple(s for s in self.statistics if id(s) not in gone),
        )


class PathOptimizer:
    """Steps some of an optimizer's parameters; state is made for those alone.

    A supernet has many times a path's parameters: to walk over all of them would cost more than
    the arithmetic of a small step.
    """

    def __init__(self, optimizer: optim.Optimizer) -> None:
        self.optimizer = optimizer
        self._home = {
            id(parameter): number
            for number, group in enumerate(optimizer.param_groups)
            for parameter in group["params"]
        }

    def step(self, parameters: Sequence[nn.Parameter]) -> None:
        """Update `parameters` by their gradients, then drop these."""
        groups = self.optimizer.param_groups
        whole = [group["params"] for group in groups]
        parts: list[list[nn.Parameter]] = [[] for _ in groups]
        for parameter in parameters:
            parts[self._home[id(parameter)]].append(parameter)
        try:
            for group, part in zip(groups, parts, strict=True):
                group["params"] = part
            self.optimizer.step()
        finally:
            for group, everything in zip(groups, whole, strict=True):
                group["params"] = everything
        for parameter in parameters:
            parameter.grad = None

    def state(self) -> dict[str, Any]:
        """Momentum of what was ever touched."""
        return self.optimizer.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self.optimizer.load_state_dict(state)
