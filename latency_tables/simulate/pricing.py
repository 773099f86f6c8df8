"""What a network costs on simulated hardware under a policy, and tables for a search."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from latency_tables.simulate.base import Hardware
from proxyless_nas.bits import MOST_BITS, Bits, Policy, with_bits
from proxyless_nas.layer import Layer


def network_ms(hardware: Hardware, layers: Iterable[Layer], policy: Policy) -> float:
    """Milliseconds of one call: the sum over `layers`, whose names the policy must know.

    ValueError for float, LookupError for a layer without bits.
    """
    return sum(hardware.milliseconds(layer, policy.of(layer)) for layer in with_bits(layers))


def network_mj(hardware: Hardware, layers: Iterable[Layer], policy: Policy) -> float:
    """The same in millijoules; also a LookupError where the hardware has no energies."""
    return sum(hardware.millijoules(layer, policy.of(layer)) for layer in with_bits(layers))


def price_table(
    price: Callable[[Layer, Bits], float], layers: Iterable[Layer]
) -> NDArray[np.float64]:
    """[layers, 8, 8]: the price of each convolution and linear map by bits of weights - 1 and bits
    of activations - 1; `price` is for example `hardware.milliseconds`."""
    sides = range(1, MOST_BITS + 1)
    rows = [
        [[price(layer, Bits(weights, activations)) for activations in sides] for weights in sides]
        for layer in with_bits(layers)
    ]
    return np.array(rows, dtype=np.float64)


def without_ends(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """All that compute but the first and the last: HAQ's latencies on BISMO leave these two out.

    ValueError where nothing would be left.
    """
    inner = with_bits(layers)[1:-1]
    if not inner:
        raise ValueError("the network has no layers between its first and its last one")
    return inner
