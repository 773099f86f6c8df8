"""The step that makes weights small by adding their size to the loss: `do: penalty`."""

import torch
from torch import Tensor, nn

from compression.penalties import AnyPenalty
from compression.schedule import AnyCurve
from compression.selectors import Where
from compression.steps.base import AtWork, Step
from compression.steps.strength import Strength
from proxyless_nas.layer import Shape
from training.companion import Judge, Seen
from training.plan import Plan


class PenaltyStep(Step, frozen=True, tag="penalty"):
    """`strength` times a kind of size of every tensor is added to the loss, from `begin` to `end`.

    The strength may be a curve; it changes at the times of `when`.
    """

    kind: AnyPenalty
    strength: float | AnyCurve
    where: Where = Where()

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        strength = Strength.of(self, self.strength, plan)
        found = _Penalising(network, self.where.tensors(network), self.kind, strength)
        if not found.size().isfinite():  # a tensor that it does not fit is told here too
            raise ValueError("the penalty is no finite number with the first weights")
        return found


class _Penalising(AtWork):
    """A penalty on some tensors, whose strength changes at some times."""

    def __init__(
        self,
        network: nn.Module,
        tensors: list[tuple[str, str]],
        kind: AnyPenalty,
        strength: Strength,
    ) -> None:
        parts = dict(network.named_modules())
        self._tensors = [(parts[layer], own) for layer, own in tensors]
        self._kind, self._strength = kind, strength

    def before(self, step: int) -> None:
        self._strength.before(step)

    def penalty(self, x: Tensor, logits: Tensor, judge: Judge) -> Tensor | None:
        return self._strength.now * self.size() if self._strength.now else None

    def size(self) -> Tensor:
        """Of all the tensors."""
        sizes = [self._kind.value(getattr(part, own)) for part, own in self._tensors]
        return torch.stack(sizes).sum()
