"""The step that puts exits into a network: `do: exits`."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from compression.exits.heads import Exit
from compression.exits.taps import Tap, tap, untapped
from compression.gates.place import must_be_ungated
from compression.masks import masks_of
from compression.schedule import AnyCurve, values_of
from compression.steps.base import AtWork, Step
from compression.steps.strength import Strength
from proxyless_nas.layer import Shape
from training.companion import Judge, Seen
from training.plan import Plan


class WeighedExit(Exit, frozen=True, kw_only=True):
    """An exit, and what its loss weighs while the network learns: a number, or a curve."""

    weight: float | AnyCurve


class ExitsStep(Step, frozen=True, tag="exits"):
    """Every exit learns with the network: sum_i w_i L(exit i) + (1 - sum_i w_i) L(network).

    L is the loss of the training, with its smoothing, mixing and teacher. From `begin` to `end` the
    weights count, before and behind them the network learns alone. What the training leaves is a
    `compression.exits.WithExits`. The heads begin with weights drawn from `seed`.
    """

    heads: tuple[WeighedExit, ...]
    seed: int = 0

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        times = len(self.times(plan))
        curves = [values_of(head.weight, times) for head in self.heads]
        for weights in zip(*curves, strict=True):
            if sum(weights) >= 1:
                raise ValueError(
                    f"the weights of the exits add up to {sum(weights):g}, but the network's own "
                    "answer has what is left of 1: lower them"
                )
        strengths = [Strength.of(self, head.weight, plan) for head in self.heads]
        if masks_of(network, "channels"):
            raise ValueError(
                "an earlier step removes channels: put exits into what that training leaves"
            )
        must_be_ungated(network, "leave one of the two out")
        places = tuple(Exit(behind=head.behind, width=head.width) for head in self.heads)
        return _Exiting(tap(network, shape, places, self.seed), strengths)


class _Exiting(AtWork):
    """Heads that learn in the same pass as the network."""

    def __init__(self, taps: Sequence[Tap], strengths: Sequence[Strength]) -> None:
        self._taps, self._strengths = taps, strengths

    def before(self, step: int) -> None:
        for strength in self._strengths:
            strength.before(step)

    def penalty(self, x: Tensor, logits: Tensor, judge: Judge) -> Tensor:
        """What the loss of the network alone lacks; slopes of zero where no weight counts."""
        alone = judge(logits)
        each = [
            strength.now * (judge(one.take()) - alone)
            for one, strength in zip(self._taps, self._strengths, strict=True)
        ]
        return torch.stack(each).sum()

    def finished(self, network: nn.Module) -> nn.Module:
        return untapped(network)
