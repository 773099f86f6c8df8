"""The step that makes weights small by adding their size to the loss: `do: penalty`."""

from bisect import bisect_right

import torch
from torch import Tensor, nn

from compression.penalties import AnyPenalty
from compression.schedule import AnyCurve, values_of
from compression.steps.base import AtWork, Step


class PenaltyStep(Step, frozen=True, tag="penalty"):
    """`strength` times a kind of size of every tensor is added to the loss, from `begin` to `end`.

    The strength may be a curve; it changes at the times of `when`.
    """

    kind: AnyPenalty
    strength: float | AnyCurve

    def begin(self, network: nn.Module, per_epoch: int, steps: int) -> AtWork:
        times = self.when.steps(per_epoch, steps)
        strengths = values_of(self.strength, len(times))
        tensors = self.where.tensors(network)
        end = self.when.last(per_epoch, steps)
        found = _Penalising(network, tensors, self.kind, [*times, end], [*strengths, 0.0])
        found.size()  # a tensor that it does not fit is told now
        return found


class _Penalising(AtWork):
    """A penalty on some tensors, whose strength changes at some times."""

    def __init__(
        self,
        network: nn.Module,
        tensors: list[tuple[str, str]],
        kind: AnyPenalty,
        times: list[int],
        strengths: list[float],
    ) -> None:
        parts = dict(network.named_modules())
        self._tensors = [(parts[layer], own) for layer, own in tensors]
        self._kind, self._times, self._strengths = kind, times, strengths
        self._strength = 0.0

    def before(self, step: int) -> None:
        now = bisect_right(self._times, step) - 1
        self._strength = self._strengths[now] if now >= 0 else 0.0

    def penalty(self) -> Tensor | None:
        return self._strength * self.size() if self._strength else None

    def size(self) -> Tensor:
        """Of all the tensors."""
        sizes = [self._kind.value(getattr(part, own)) for part, own in self._tensors]
        return torch.stack(sizes).sum()
