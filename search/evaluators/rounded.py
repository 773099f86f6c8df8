"""Judge bits by a trained network whose layers are rounded so, without training it."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from msgspec.structs import replace
from torch import Tensor, nn

from compression.quantizers.activations import AnyActivations
from compression.quantizers.seen import Sample, observe
from compression.quantizers.weights import AnyWeights
from proxyless_nas.bits import FLOAT_BITS
from search.choices import Choices, Evidence
from search.gates import listen
from search.problems.precision import Precision
from training.datasets import Batch


class Rounded(nn.Module):
    """A layer at some bits: what flows in is rounded, its weight is rounded already."""

    def __init__(self, layer: nn.Conv2d | nn.Linear, weight: Tensor, before: nn.Module) -> None:
        super().__init__()
        self._layer = [layer]  # shared, and no part of this one
        self.weight, self.before = nn.Parameter(weight, requires_grad=False), before

    def forward(self, x: Tensor) -> Tensor:
        layer: Any = self._layer[0]
        if isinstance(layer, nn.Conv2d):
            return layer._conv_forward(self.before(x), self.weight, layer.bias)
        return F.linear(self.before(x), self.weight, layer.bias)


class Switch(nn.Module):
    """A layer at all pairs of bits, of which one is open; it tells slopes to who listens."""

    def __init__(self, candidates: Sequence[Rounded]) -> None:
        super().__init__()
        self.candidates = nn.ModuleList(candidates)
        self.open = 0
        self.listened: tuple[Tensor, Sequence[int]] | None = None

    def forward(self, x: Tensor) -> Tensor:
        output = self.candidates[self.open](x)
        if self.listened is None:
            return output
        gates, closed = self.listened
        heard = listen(gates, x, output, [self.candidates[one] for one in closed], "inputs")
        return heard.clone()  # what follows may change it in place


class Answered(NamedTuple):
    """Images [N, C, H, W], labels [N], and the logarithms of the probabilities [N, classes] that
    the network in float gives them, in float64."""

    x: Tensor
    y: Tensor
    expected: Tensor


class RoundedNetwork:
    """A network in float, its batch norms folded, and each layer at all bits of a problem.

    `evaluate` says how far the answers of the rounded network are from those in float, as the mean
    KL(float || rounded) in nats, and how many are right; where closed options are named also the
    slopes at the gates. Quantizers are made of the kinds `weights` and `activations` with the bits
    of each option, 32 being float; ranges of activations are calibrated once, on `seen`.
    """

    def __init__(
        self,
        network: nn.Module,
        problem: Precision,
        weights: AnyWeights,
        activations: AnyActivations,
        seen: Sequence[Batch],
    ) -> None:
        self.whole = deepcopy(network).eval().requires_grad_(False)
        self.rounded = deepcopy(self.whole)
        samples = observe(self.whole, problem.names, seen)
        self.problem, self.switches = problem, list[Switch]()
        for name in problem.names:
            layer = self.rounded.get_submodule(name)
            assert isinstance(layer, nn.Conv2d | nn.Linear)
            pairs = problem.options_of(name)
            kernels = {
                bits: _kernel(layer.weight.detach(), weights, bits)
                for bits in {pair.weights for pair in pairs}
            }
            before = {
                bits: _before(samples[name], activations, bits)
                for bits in {pair.activations for pair in pairs}
            }
            each = [Rounded(layer, kernels[p.weights], before[p.activations]) for p in pairs]
            switch = Switch(each).eval().requires_grad_(False)
            owner, _, own = name.rpartition(".")
            setattr(self.rounded.get_submodule(owner), own, switch)
            if name in problem.searched:
                self.switches.append(switch)

    def opened(self, options: Sequence[int]) -> nn.Module:
        """The rounded network at these options, until others are asked for."""
        for switch, option in zip(self.switches, options, strict=True):
            switch.open = option
        return self.rounded

    @torch.no_grad()
    def answered(self, batches: Sequence[Batch]) -> list[Answered]:
        """Images with what the network in float says of them, to be judged by."""
        return [Answered(x, y, self.whole(x).double().log_softmax(dim=1)) for x, y in batches]

    def evaluate(self, choices: Choices, batches: Sequence[Answered]) -> Evidence:
        """What `batches` say of `choices`, as means over their images; slopes are summed so too."""
        self.opened(choices.options)
        total = sum(len(one.y) for one in batches)
        loss, right = torch.zeros((), dtype=torch.float64), torch.zeros(())
        slopes = None
        for one in batches:
            share = len(one.y) / total
            logits, lost, own = self._judged(choices.closed, one)
            loss += lost * share
            right += (logits.argmax(dim=1) == one.y).float().mean() * share
            if own is not None:
                slopes = own * share if slopes is None else slopes + own * share
        return Evidence(loss, right, slopes)

    def _judged(
        self, closed: Sequence[Sequence[int]] | None, one: Answered
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        if closed is None:
            with torch.no_grad():
                logits = self.rounded(one.x)
                return logits, divergence(one.expected, logits), None
        most = max(map(len, closed))
        gates = torch.zeros(len(closed), 1 + most, requires_grad=True)
        for row, switch, others in zip(gates, self.switches, closed, strict=True):
            switch.listened = row[: 1 + len(others)], others
        try:
            logits = self.rounded(one.x)
            loss = divergence(one.expected, logits)
            (slopes,) = torch.autograd.grad(loss, [gates])
        finally:
            for switch in self.switches:
                switch.listened = None
        return logits.detach(), loss.detach(), slopes


def _kernel(weight: Tensor, kind: AnyWeights, bits: int) -> Tensor:
    if bits == FLOAT_BITS:
        return weight
    return replace(kind, bits=bits).quantizer(weight)(weight).detach()


def _before(seen: Sample, kind: AnyActivations, bits: int) -> nn.Module:
    return nn.Identity() if bits == FLOAT_BITS else replace(kind, bits=bits).quantizer(seen)


def divergence(expected: Tensor, logits: Tensor) -> Tensor:
    """The mean KL of two answers, of which the first are logarithms of probabilities, in float64:
    at 8 bits it is a small difference of large numbers."""
    return F.kl_div(
        logits.double().log_softmax(dim=1), expected, reduction="batchmean", log_target=True
    )
