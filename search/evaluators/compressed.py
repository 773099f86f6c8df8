"""Judge what is done to a trained network, without training it."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import nn

from compression.channels.cut import noise, removed
from compression.channels.groups import Channels
from compression.quantizers.activations import RangeActivations
from compression.quantizers.asking import uniformly
from compression.quantizers.fold import folded
from compression.quantizers.place import Asked, quantizable, quantize
from compression.quantizers.ranges import MeanSquare
from compression.quantizers.weights import RangeWeights
from compression.refit import repaired
from compression.widths import Ranking, chosen_of
from proxyless_nas.layer import Shape
from search.choices import Evidence
from search.evaluators.rounded import Answered, divergence
from search.problems.compressed import Compressed
from training.datasets import Batch

WEIGHTS = RangeWeights(range=MeanSquare())
ACTIVATIONS = RangeActivations(bits=8)


class CompressedNetwork:
    """A network in float, and what is left of it when channels go and weights are rounded.

    Where channels went, layers that took them are fitted anew on `seen` (He et al. 2017): networks
    are judged that have not learned since. `evaluate` says how far the answers are from those of
    the whole network, as the mean KL(whole || compressed) in nats, and how many are right.
    """

    def __init__(
        self, whole: nn.Module, shape: Shape, channels: Channels | None, ranking: Ranking,
        seen: Sequence[Batch], judged: Sequence[Batch],
    ) -> None:  # fmt: skip
        self.whole, self.shape = deepcopy(whole).eval().requires_grad_(False), shape
        self._channels, self._ranking, self._seen = channels, ranking, seen
        self._lone = folded(self.whole, shape)
        self._images = torch.cat([x for x, _ in seen])
        with torch.no_grad():
            self._judged = [
                Answered(x, y, self.whole(x).double().log_softmax(dim=1)) for x, y in judged
            ]

    def narrowed(self, one: Compressed) -> nn.Module:
        """A copy without the channels, in float."""
        if not one.gone or self._channels is None:
            return deepcopy(self.whole)
        chosen, x = chosen_of(one.gone, self._ranking), noise(self.shape, self.whole)
        fitted, _ = repaired(self.whole, self._channels, chosen, self._images)
        return removed(fitted, self._channels, chosen, x).eval()

    def network(self, one: Compressed) -> nn.Module:
        """A copy that is narrowed, and rounded where it is to be; batch norms are folded then."""
        if not one.bits and not one.int8:
            return self.narrowed(one)
        left = folded(self.narrowed(one), self.shape) if one.gone else deepcopy(self._lone)
        if one.int8:
            both = Asked(weights=RangeWeights(), activations=ACTIVATIONS)
            quantize(left, uniformly(both, quantizable(left, self.shape), "same"), self._seen)
        else:
            quantize(left, asked_of(one))
        return left.eval()

    @torch.no_grad()
    def evaluate(self, one: Compressed) -> Evidence:
        """By all judged images."""
        network = self.network(one)
        total = sum(len(images.y) for images in self._judged)
        loss, right = torch.zeros((), dtype=torch.float64), torch.zeros(())
        for images in self._judged:
            logits = network(images.x)
            loss += divergence(images.expected, logits) * (len(images.y) / total)
            right += (logits.argmax(dim=1) == images.y).float().sum() / total
        return Evidence(loss, right)


def asked_of(one: Compressed) -> dict[str, Asked]:
    """Evenly spaced levels for the weights of every layer that has bits."""
    return {
        name: Asked(weights=RangeWeights(bits=bits, range=WEIGHTS.range))
        for name, bits in one.bits.items()
    }
