"""Judge what is done to a trained network, without training it."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import nn

from compression.channels.cut import noise, removed
from compression.channels.groups import Channels
from compression.masks import Level
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
from training.datasets import Batch, images_in

WEIGHTS = RangeWeights(range=MeanSquare())
EIGHT = 8
ACTIVATIONS = RangeActivations(bits=EIGHT)


class CompressedNetwork:
    """A network in float, and what is left of it when channels go and weights are rounded or zero.

    Where channels went, layers that took them are fitted anew on `seen` (He et al. 2017): networks
    are judged that have not learned since. Of the weights that are left the smallest become zero.
    With `flows` what flows into layers with bits has 8 bits too. `evaluate` says how far the
    answers are from those of the whole network, as the mean KL(whole || compressed) in nats, and
    how many are right.
    """

    def __init__(
        self, whole: nn.Module, shape: Shape, channels: Channels | None, ranking: Ranking,
        seen: Sequence[Batch], judged: Sequence[Batch], flows: bool = False,
    ) -> None:  # fmt: skip
        self.whole, self.shape = deepcopy(whole).eval().requires_grad_(False), shape
        self._channels, self._ranking, self._seen = channels, ranking, seen
        self._lone, self._flows = folded(self.whole, shape), flows
        self._images = images_in(seen)
        with torch.no_grad():
            self._judged = [
                Answered(x, y, self.whole(x).double().log_softmax(dim=1)) for x, y in judged
            ]

    def narrowed(self, one: Compressed) -> nn.Module:
        """A copy without the channels, and with the zeros, in float."""
        left = self._without(one)
        for layer, share in one.zeros.items():
            make_zeros(left.get_submodule(layer), share)
        return left

    def _without(self, one: Compressed) -> nn.Module:
        if not one.gone or self._channels is None:
            return deepcopy(self.whole)
        chosen, x = chosen_of(one.gone, self._ranking), noise(self.shape, self.whole)
        fitted, _ = repaired(self.whole, self._channels, chosen, self._images)
        return removed(fitted, self._channels, chosen, x).eval()

    def network(self, one: Compressed) -> nn.Module:
        """A copy that is narrowed, and rounded where it is to be; batch norms are folded then."""
        if not one.bits and not one.int8:
            return self.narrowed(one)
        changed = one.gone or one.zeros
        left = folded(self.narrowed(one), self.shape) if changed else deepcopy(self._lone)
        if one.int8:
            both = Asked(weights=RangeWeights(), activations=ACTIVATIONS)
            quantize(left, uniformly(both, quantizable(left, self.shape), "same"), self._seen)
        else:
            quantize(left, asked_of(one, self._flows), self._seen if self._flows else ())
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


def asked_of(one: Compressed, flows: bool) -> dict[str, Asked]:
    """Evenly spaced levels for the weights of every layer that has bits; with `flows` 8 bits for
    what it takes."""
    return {
        name: Asked(
            weights=RangeWeights(bits=bits, range=WEIGHTS.range),
            activations=ACTIVATIONS if flows else None,
        )
        for name, bits in one.bits.items()
    }


@torch.no_grad()
def make_zeros(layer: nn.Module, share: float) -> None:
    """Let the share of the weights of a layer that are smallest be zero."""
    weight = getattr(layer, "weight")  # noqa: B009
    assert isinstance(weight, nn.Parameter)
    weight.mul_(Level(share=share).mask(weight, torch.ones_like(weight, dtype=torch.bool)))
