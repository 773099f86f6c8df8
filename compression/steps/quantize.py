"""The step that gives a network fewer bits while it learns: `do: quantize`."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from compression.gates.place import must_be_ungated
from compression.masks import masks_of
from compression.quantizers.activations import AnyActivations, Clipped
from compression.quantizers.asking import Ends, by_policy, uniformly
from compression.quantizers.grid import must_be_bits
from compression.quantizers.place import Asked, input_quantizers, quantizable, quantize
from compression.quantizers.weights import AnyWeights
from compression.schedule import When
from compression.selectors import Where
from compression.steps.base import AtWork, Step
from proxyless_nas.bits import load_policy
from proxyless_nas.counting import layers_of
from proxyless_nas.layer import Shape
from training.companion import Judge, Seen
from training.plan import Plan


class QuantizeStep(Step, frozen=True, tag="quantize"):
    """Weights, and what flows into layers, are rounded from the first step on; slopes pass.

    `weights` and `activations` say how (`compression/quantizers`); what is left out stays in float.
    `where` says in which convolutions and linear maps. The first and the last layer of the network
    get evenly spaced levels of `ends` bits over their range, or the `same` as the others, or stay
    in `float`. A `policy`, a file such as a search writes, says the bits of every layer instead.
    What it leaves in float everywhere needs no kind.
    Ranges of activations are calibrated on `seen` training images before anything is learnt; where
    they do not learn, nor do ranges of weights, they stay: begin with trained weights. What is left
    is the network with its quantizers.
    """

    holds_layers: ClassVar[bool] = True
    weights: AnyWeights | None = None
    activations: AnyActivations | None = None
    where: Where = Where(type=("Conv2d", "Linear"))
    ends: Ends = 8
    policy: str | None = None
    seen: int = 512

    def __post_init__(self) -> None:
        if self.when != When():
            raise ValueError("quantize works from the first step on: leave its `when` out")
        if self.weights is None and self.activations is None:
            raise ValueError("say which `weights` or `activations` are quantized, and how")
        if isinstance(self.ends, int):
            must_be_bits(self.ends)
        if self.seen < 1:
            raise ValueError(f"{self.seen} images show nothing: `seen` is 1 or more")

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        if masks_of(network, "channels"):
            raise ValueError("an earlier step removes channels: quantize in a training behind it")
        asked = self.asked(network, shape)
        must_be_ungated(network, "leave one of the two out")
        quantize(network, asked, () if self.activations is None else seen(self.seen))
        return _Rounding(network, asked)

    def asked(self, network: nn.Module, shape: Shape) -> dict[str, Asked]:
        """By layer, how it is to be quantized. ValueError where there is none."""
        order, where = quantizable(network, shape), set(self.where.layers(network))
        if self.policy is not None:
            policy = load_policy(self.policy, layers_of(network, shape))
            found = by_policy(policy, self.weights, self.activations)
        else:
            both = Asked(weights=self.weights, activations=self.activations)
            found = uniformly(both, order, self.ends)
        chosen = {name: one for name, one in found.items() if name in where}
        if not chosen:
            raise ValueError("no convolution or linear map is left to be quantized")
        return chosen


class _Rounding(AtWork):
    """Quantizers in a network that learns."""

    def __init__(self, network: nn.Module, asked: dict[str, Asked]) -> None:
        self._layers = len(asked)
        each = (kind for one in asked.values() for kind in (one.weights, one.activations))
        self._bits = torch.tensor([0 if kind is None else kind.bits for kind in each])
        placed = input_quantizers(network)
        own = (placed[name] for name in asked if name in placed)
        self._clips = [one for one in own if isinstance(one, Clipped)]

    def before(self, step: int) -> None:
        pass

    def penalty(self, x: Tensor, logits: Tensor, judge: Judge) -> Tensor | None:
        return torch.stack([one.penalty() for one in self._clips]).sum() if self._clips else None

    def state(self) -> dict[str, Tensor]:
        return {"bits": self._bits}

    def restore(self, state: dict[str, Tensor]) -> None:
        if not torch.equal(state["bits"].cpu(), self._bits):
            raise ValueError("the training was begun with other bits: its policy has changed since")

    def told(self) -> str:
        return f"{self._layers} layers are quantized"
