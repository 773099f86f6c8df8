"""From bits, and the kinds of quantizers, to what each layer is asked for."""

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from compression.quantizers.activations import AnyActivations, RangeActivations
from compression.quantizers.place import Asked
from compression.quantizers.weights import AnyWeights, RangeWeights
from proxyless_nas.bits import FLOAT_BITS, Bits, Policy
from proxyless_nas.layer import Layer

Ends = int | Literal["same", "float"]
"""Bits of the first and the last layer: a number, the same as the others, or none."""


def uniformly(both: Asked, order: Sequence[str], ends: Ends) -> dict[str, Asked]:
    """The same for all layers of a network, named in their `order`, but for the first and the last.

    Those get evenly spaced levels over their range. ValueError where nothing would be quantized.
    """
    outer = both
    if ends == "float":
        outer = Asked()
    elif ends != "same":
        outer = Asked(
            weights=both.weights and RangeWeights(bits=ends),
            activations=both.activations and RangeActivations(bits=ends),
        )
    asked = {name: outer if name in (order[0], order[-1]) else both for name in order}
    found = {name: one for name, one in asked.items() if one != Asked()}
    if not found:
        raise ValueError("everything stays in float: ask for bits of weights, or of activations")
    return found


def by_policy(policy: Policy, weights: AnyWeights, activations: AnyActivations) -> dict[str, Asked]:
    """Quantizers of these kinds with the bits that a policy gives each layer; 32 is float.

    ValueError for bits that a kind cannot have.
    """
    found = {
        name: Asked(
            weights=None if bits.weights == FLOAT_BITS else replace(weights, bits=bits.weights),
            activations=None
            if bits.activations == FLOAT_BITS
            else replace(activations, bits=bits.activations),
        )
        for name, bits in policy.layers.items()
    }
    return {name: one for name, one in found.items() if one != Asked()}


def policy_of(asked: dict[str, Asked], layers: Sequence[Layer], network: str) -> Policy:
    """The bits that all layers that compute have then."""

    def bits(kind: AnyWeights | AnyActivations | None) -> int:
        return FLOAT_BITS if kind is None else kind.bits

    def of(name: str) -> Bits:
        one = asked.get(name, Asked())
        return Bits(bits(one.weights), bits(one.activations))

    return Policy(network, {layer.name: of(layer.name) for layer in layers if layer.kind != "norm"})
