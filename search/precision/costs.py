"""What every pair of bits costs in every layer: time, energy, bytes or bit operations."""

from latency_tables.simulate.presets import open_hardware
from proxyless_nas.bits import bit_operations_of, weight_bytes_of
from search.precision.config import HaqConfig
from search.prices import Prices
from search.problems.precision import Precision


def prices_of(config: HaqConfig, problem: Precision) -> Prices:
    """Of the layers that are searched, and if they count of the ends.

    ValueError for bits that the hardware has not.
    """
    if config.cost == "size":
        return problem.prices(weight_bytes_of, "bytes", config.count_ends, calls=False)
    if config.cost == "bops":
        return problem.prices(bit_operations_of, "bit operations", config.count_ends)
    hardware = open_hardware(config.machine, problem.layers)
    if config.cost == "latency":
        return problem.prices(hardware.milliseconds, "ms", config.count_ends)
    return problem.prices(hardware.millijoules, "mJ", config.count_ends)
