"""How many bits a network computes with: those of one layer, a policy for all, a file of it."""

import re
from collections.abc import Iterable, Sequence
from math import prod
from pathlib import Path

from msgspec import Struct

from proxyless_nas.files import did_you_mean, read_json, write_json
from proxyless_nas.layer import FLOAT_BYTES, Layer
from proxyless_nas.naming import listed

MOST_BITS = 8
FLOAT_BITS = 32
WRITTEN = re.compile(r"(\d+)|w(\d+)a(\d+)")


class Bits(Struct, frozen=True, forbid_unknown_fields=True):
    """Bits of each weight of a layer, and of each number of the map that the layer is given.

    Both are integers from 1 to 8, or 32 for float; ValueError otherwise.
    """

    weights: int
    activations: int

    def __post_init__(self) -> None:
        for bits in (self.weights, self.activations):
            if not 1 <= bits <= MOST_BITS and bits != FLOAT_BITS:
                raise ValueError(
                    f"{bits} bits: a layer has 1 to {MOST_BITS}, or {FLOAT_BITS} for float"
                )

    def __str__(self) -> str:
        return f"w{self.weights}a{self.activations}"


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """The bits of every convolution and linear map of a network, by the name of its module."""

    network: str
    """What people call the network."""
    layers: dict[str, Bits]

    def of(self, layer: Layer) -> Bits:
        """The bits of a layer; LookupError where the policy does not know it."""
        if layer.name not in self.layers:
            raise LookupError(f"the policy for {self.network} has no bits for layer {layer.name}")
        return self.layers[layer.name]

    def must_fit(self, layers: Iterable[Layer]) -> None:
        """ValueError where it names a layer that is not among `layers`, or lacks one of them."""
        names = [layer.name for layer in with_bits(layers)]
        for name in self.layers:
            if name not in names:
                hint = did_you_mean(name, names)
                raise ValueError(f"the network has no layer {name} that computes{hint}")
        missing = [name for name in dict.fromkeys(names) if name not in self.layers]
        if missing:
            raise ValueError(f"no bits for {listed(missing)}: every layer needs some")

    def save(self, path: str | Path) -> None:
        """Write it as JSON, atomically."""
        write_json(path, self)


def load_policy(path: str | Path, layers: Iterable[Layer]) -> Policy:
    """Read a policy for the network that has these layers.

    FileNotFoundError, or a ValueError that names the file: for what is no policy, for a layer that
    the network has not, with the nearest name, and for layers that have no bits in the file.
    """
    policy = read_json(path, Policy)
    try:
        policy.must_fit(layers)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return policy


def uniform(layers: Iterable[Layer], bits: Bits, network: str = "") -> Policy:
    """The same bits for every layer that computes; `network` is what people call it."""
    return Policy(network, {layer.name: bits for layer in with_bits(layers)})


def read_bits(text: str) -> Bits:
    """`4` is four bits for both, `w6a4` six for weights and four for activations."""
    found = WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} are no bits: write 4 for both, or w6a4")
    both, weights, activations = found.groups()
    return Bits(int(both or weights), int(both or activations))


def with_bits(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """The convolutions and linear maps: batch norms are folded into them and have no bits."""
    return tuple(layer for layer in layers if layer.kind != "norm")


def bit_operations_of(layer: Layer, bits: Bits) -> int:
    """Of one call for one image: MACs x bits of weights x bits of activations."""
    return layer.macs * bits.weights * bits.activations


def weight_bytes_of(layer: Layer, bits: Bits) -> float:
    """Of its weights, without biases."""
    return layer.weights * bits.weights / 8


def stored_bytes(shape: Sequence[int], bits: int) -> float:
    """Of a layer's weights [O, ...] as they are kept: with fewer bits than float has, a step of
    rounding in float for each of the O channels stands beside them."""
    if bits == FLOAT_BITS:
        return FLOAT_BYTES * prod(shape)
    return prod(shape) * bits / 8 + FLOAT_BYTES * shape[0]


def bit_operations(layers: Iterable[Layer], policy: Policy) -> int:
    """BOPs for one image: the sum over layers of MACs x bits of weights x bits of activations."""
    return sum(bit_operations_of(layer, policy.of(layer)) for layer in with_bits(layers))


def weight_bytes(layers: Sequence[Layer], policy: Policy) -> float:
    """Bytes of all weights, without biases; those of a layer that is called twice count once."""
    found = {layer.name: weight_bytes_of(layer, policy.of(layer)) for layer in with_bits(layers)}
    return sum(found.values())
