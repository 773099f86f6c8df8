"""How fast are the published networks on a device, beside the one that was searched for it?

What Cai et al. (2019) show of specialisation, for a device that is here: every network is visited
in the same shuffled rounds; a ratio is taken round by round.
"""

import numpy as np
from msgspec import Struct

from latency_tables.entry import p10_ms
from latency_tables.head import DataType
from latency_tables.model import Model
from latency_tables.networks import time_calls
from latency_tables.protocol import SENTINEL, Protocol, contention
from latency_tables.runtimes import RuntimeConfig, RuntimeName, open_runtime
from latency_tables.spells import undisturbed
from proxyless_nas import Shape, load_network
from proxyless_nas.command import Command, run_one

NAMES = ("proxyless_gpu", "proxyless_cpu", "proxyless_mobile", "mobilenet_v2")


class SpecialisedConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compare the published networks on one device."""

    runtime: RuntimeName = "onnxruntime"
    """The program that runs them."""
    device: str = "cpu"
    """Where: cpu or cuda."""
    dtype: DataType = "float32"
    """The data type that they are run in."""
    batch: int = 8
    """Images per call; the paper takes 8 on its GPU."""
    side: int = 224
    """Side of the square input."""
    visits: int = 20
    """Rounds."""
    visit_ms: float = 60.0
    """Timed milliseconds per network and round."""
    seed: int = 0
    """Seed of weights and of the order in each round."""


def main(config: SpecialisedConfig) -> None:
    """Measure and print one table."""
    runtime = open_runtime(
        RuntimeConfig(runtime=config.runtime, device=config.device, dtype=config.dtype)
    )
    shape = Shape(3, config.side, config.side)
    calls = {
        name: runtime.prepare(
            Model(name, lambda name=name: load_network(name, config.seed), shape, config.batch)
        )
        for name in NAMES
    }
    protocol = Protocol(
        min_visits=config.visits, max_visits=config.visits, visit_ms=config.visit_ms, spread_s=0.0
    )
    seen = time_calls(calls, runtime, protocol, config.seed)
    calm = undisturbed(seen)
    print(
        f"{config.side}x{config.side}, batch {config.batch}, {config.dtype}, {config.runtime} on "
        f"{runtime.device()}; {config.visits} rounds; ratios round by round: median (middle half)"
    )
    print(f"{'network':<20} {'ms per call':>12}  over {NAMES[0]}")
    for name in NAMES:
        pairs = zip(seen[name], seen[NAMES[0]], strict=True)
        low, middle, high = np.percentile(
            [a.statistic / b.statistic for a, b in pairs], [25, 50, 75]
        )
        print(f"{name:<20} {p10_ms(calm[name]):>12.4g}  {middle:.2f} ({low:.2f} to {high:.2f})")
    reason = contention([one for name in NAMES for one in calm[name]], calm[SENTINEL])
    if reason is not None:
        print(f"contended: {reason}")


if __name__ == "__main__":
    run_one("python -m benchmarks.specialised", Command(SpecialisedConfig, main))
