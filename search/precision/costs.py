"""What every pair of bits costs in every layer: time, energy, bytes or bit operations."""

from latency_tables.simulate.presets import open_hardware
from proxyless_nas.bits import Bits
from proxyless_nas.layer import Layer
from search.precision.config import HaqConfig
from search.prices import Prices
from search.problems.precision import Precision


def prices_of(config: HaqConfig, problem: Precision) -> Prices:
    """Of the layers that are searched, and if they count of the ends.

    ValueError for bits that the hardware has not.
    """
    if config.cost == "size":
        return problem.prices(_bytes, "bytes", config.count_ends, calls=False)
    if config.cost == "bops":
        return problem.prices(_operations, "bit operations", config.count_ends)
    hardware = open_hardware(config.machine, problem.layers)
    if config.cost == "latency":
        return problem.prices(hardware.milliseconds, "ms", config.count_ends)
    return problem.prices(hardware.millijoules, "mJ", config.count_ends)


def _bytes(layer: Layer, bits: Bits) -> float:
    return layer.weights * bits.weights / 8


def _operations(layer: Layer, bits: Bits) -> float:
    return float(layer.macs * bits.weights * bits.activations)
