"""What steps that give layers fewer bits are told: which, how many, and how they are rounded."""

from typing import ClassVar

from torch import nn

from compression.quantizers.activations import AnyActivations
from compression.quantizers.asking import Ends, by_policy, uniformly
from compression.quantizers.grid import must_be_bits
from compression.quantizers.place import Asked, quantizable
from compression.quantizers.weights import AnyWeights
from compression.selectors import Where
from compression.steps.base import Step
from proxyless_nas.bits import Bits, Policy, load_policy
from proxyless_nas.counting import layers_of
from proxyless_nas.layer import Shape


class FewerBits(Step, frozen=True):
    """`weights` and `activations` say how they are rounded (`compression/quantizers`); what is left
    out stays in float.

    `where` says in which convolutions and linear maps. The first and the last layer of the network
    get evenly spaced levels of `ends` bits over their range, or the `same` as the others, or stay
    in `float`. A `policy` says the bits of every layer instead: a file such as a search writes, or
    what stands in one under `layers`. What it leaves in float everywhere needs no kind.
    """

    holds_layers: ClassVar[bool] = True
    weights: AnyWeights | None = None
    activations: AnyActivations | None = None
    where: Where = Where(type=("Conv2d", "Linear"))
    ends: Ends = 8
    policy: str | dict[str, Bits] | None = None
    seen: int = 512

    def __post_init__(self) -> None:
        if self.weights is None and self.activations is None:
            raise ValueError("say which `weights` or `activations` are quantized, and how")
        if isinstance(self.ends, int):
            must_be_bits(self.ends)
        if self.seen < 1:
            raise ValueError(f"{self.seen} images show nothing: `seen` is 1 or more")

    def asked(self, network: nn.Module, shape: Shape) -> dict[str, Asked]:
        """By layer, how it is to be quantized. ValueError where there is none."""
        order, where = quantizable(network, shape), set(self.where.layers(network))
        if self.policy is not None:
            found = by_policy(self._policy(network, shape), self.weights, self.activations)
        else:
            both = Asked(weights=self.weights, activations=self.activations)
            found = uniformly(both, order, self.ends)
        chosen = {name: one for name, one in found.items() if name in where}
        if not chosen:
            raise ValueError("no convolution or linear map is left to be quantized")
        return chosen

    def _policy(self, network: nn.Module, shape: Shape) -> Policy:
        layers = layers_of(network, shape)
        if isinstance(self.policy, str):
            return load_policy(self.policy, layers)
        policy = Policy("this network", self.policy or {})
        policy.must_fit(layers)
        return policy
