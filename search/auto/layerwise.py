"""Costs that are sums over layers, by their widths and bits: bit operations, simulated hardware."""

from collections.abc import Callable

from msgspec.structs import replace
from torch import nn

from compression.widths import Sizes, channels_left
from latency_tables.simulate.base import Hardware
from proxyless_nas.bits import FLOAT_BITS, MOST_BITS, Bits, bit_operations_of, with_bits
from proxyless_nas.counting import layers_of
from proxyless_nas.layer import Layer, Shape
from search.auto.costs import Cost
from search.auto.goal import Metric
from search.problems.compressed import Compressed

Price = Callable[[Layer, Bits], float]
BitsOf = Callable[[Compressed, str], Bits]
"""Those that a layer of this name has then."""


class Layerwise:
    """The layers of a module that compute, as images of `shape` pass, for any lost channels."""

    def __init__(self, module: nn.Module, shape: Shape, sizes: Sizes) -> None:
        self._sizes = sizes
        self._layers = with_bits(layers_of(module, shape))
        self._groups = {one.name: sorted(sizes.groups(_weight(one))) for one in self._layers}

    def cost(self, price: Price, bits_of: BitsOf) -> Cost:
        """The sum over layers, each narrowed and at its bits."""
        known: dict[tuple[object, ...], float] = {}

        def priced(number: int, layer: Layer, one: Compressed) -> float:
            bits = bits_of(one, layer.name)
            gone = (one.gone.get(group, 0) for group in self._groups[layer.name])
            key = (number, bits, *gone)
            if key not in known:
                known[key] = price(self._narrow(layer, one), bits)
            return known[key]

        return lambda one: sum(priced(n, layer, one) for n, layer in enumerate(self._layers))

    def _narrow(self, layer: Layer, one: Compressed) -> Layer:
        left = self._sizes.shape(_weight(layer), one.gone)
        before = layer.input.channels, layer.output.channels
        taken, made, groups = channels_left(left, layer.groups, *before)
        return replace(
            layer,
            input=replace(layer.input, channels=taken),
            output=replace(layer.output, channels=made),
            groups=groups,
        )


def bit_operations(layers: Layerwise, flows: bool) -> Cost:
    """MACs x bits of weights x bits of what flows: 32 in float, 8 with `flows` and in int8."""

    def bits_of(one: Compressed, layer: str) -> Bits:
        if one.int8:
            return Bits(MOST_BITS, MOST_BITS)
        return Bits(one.bits.get(layer, FLOAT_BITS), MOST_BITS if flows else FLOAT_BITS)

    return layers.cost(bit_operations_of, bits_of)


def on_hardware(layers: Layerwise, hardware: Hardware) -> dict[Metric, Cost]:
    """Milliseconds and millijoules of one image; 8 bits where nothing else is said."""

    def bits_of(one: Compressed, layer: str) -> Bits:
        return Bits(one.bits.get(layer, MOST_BITS), MOST_BITS)

    def per_image(price: Price) -> Price:
        return lambda layer, bits: price(layer, bits) / hardware.batch

    found: dict[Metric, Cost] = {"latency": layers.cost(per_image(hardware.milliseconds), bits_of)}
    if hardware.knows_energy:
        found["energy"] = layers.cost(per_image(hardware.millijoules), bits_of)
    return found


def _weight(layer: Layer) -> str:
    return f"{layer.name}.weight"
