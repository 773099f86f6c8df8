"""From bits, and the kinds of quantizers, to what each layer is asked for."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

from msgspec.structs import replace

from compression.quantizers.activations import ActivationKind, AnyActivations, RangeActivations
from compression.quantizers.place import Asked, Placed
from compression.quantizers.weights import AnyWeights, RangeWeights, WeightKind
from proxyless_nas.bits import FLOAT_BITS, Bits, Policy
from proxyless_nas.layer import Layer

Kind = TypeVar("Kind", bound=WeightKind | ActivationKind)
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
    return _some({name: outer if name in (order[0], order[-1]) else both for name in order})


def by_policy(
    policy: Policy, weights: AnyWeights | None, activations: AnyActivations | None
) -> dict[str, Asked]:
    """Quantizers of these kinds with the bits that a policy gives each layer; 32 is float.

    ValueError for bits that a kind cannot have, for fewer than 32 where the kind is None, and where
    nothing would be quantized.
    """
    asked: dict[str, Asked] = {}
    for name, bits in policy.layers.items():
        try:
            asked[name] = Asked(
                weights=_with_bits("weights", weights, bits.weights),
                activations=_with_bits("activations", activations, bits.activations),
            )
        except ValueError as error:
            raise ValueError(f"the policy for {name}: {error}") from error
    return _some(asked)


def _with_bits(what: str, kind: Kind | None, bits: int) -> Kind | None:
    if bits == FLOAT_BITS:
        return None
    if kind is None:
        raise ValueError(f"its {what} have {bits} bits: say with `{what}` how they are rounded")
    return replace(kind, bits=bits)


def _some(asked: dict[str, Asked]) -> dict[str, Asked]:
    found = {name: one for name, one in asked.items() if one != Asked()}
    if not found:
        raise ValueError("everything stays in float: ask for bits of weights, or of activations")
    return found


def policy_of(asked: Mapping[str, Asked | Placed], layers: Sequence[Layer], network: str) -> Policy:
    """The bits that all layers that compute have then."""

    def bits(kind: AnyWeights | AnyActivations | None) -> int:
        return FLOAT_BITS if kind is None else kind.bits

    def of(name: str) -> Bits:
        one = asked.get(name, Asked())
        return Bits(bits(one.weights), bits(one.activations))

    return Policy(network, {layer.name: of(layer.name) for layer in layers if layer.kind != "norm"})
