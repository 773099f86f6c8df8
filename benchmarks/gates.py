"""What does skipping channels by image bring? A wide layer and whole networks, against dense ones.

One image, one thread, CPU time of the thread, all calls in the same shuffled rounds; the ratio is
taken round by round. Skipping computes active channels from input channels that are not zero, with
the batch norm inside the weights, so it is compared with the dense network whose batch norms are
folded too. The gates have random weights: which channels are active matters little to the time.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Annotated

import numpy as np
import torch
import tyro
from msgspec import Struct
from torch import Tensor, nn

from benchmarks.inference import eager_call
from compression.gates.place import gate, let_skip
from compression.gates.work import measured_work
from compression.quantizers.fold import folded
from latency_tables.entry import p10_ms
from latency_tables.networks import time_calls
from latency_tables.protocol import SENTINEL, Protocol, Visits, contention
from latency_tables.runtimes import OnnxRuntime
from latency_tables.spells import undisturbed
from proxyless_nas.command import Command, run_one
from proxyless_nas.counting import layers_of
from proxyless_nas.layer import Shape
from proxyless_nas.subject import open_subject
from training.batch_norm import reestimate

DENSITIES = (1.0, 0.5, 0.25)
WIDE = Shape(256, 14, 14)
NAMES = ("resnet20_cifar", "models/resnet18.yaml")
DENSE, FOLDED = "dense", "dense, folded"


class GatesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compare times of dense and skipping layers and networks."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional] = NAMES
    """Networks, beside the wide layer; gated are their 3x3 convolutions, but not of images."""
    visits: int = 24
    """Rounds."""
    visit_ms: float = 60.0
    """Timed milliseconds per call and round."""
    spread_s: float = 15.0
    """Spread the rounds over at least so many seconds."""
    seed: int = 0
    """Seed of weights, of the image and of the order in each round."""


def gated(network: nn.Module, shape: Shape, layers: list[str], density: float) -> nn.Module:
    """A copy in which so many channels of each of these layers are active, its batch norms settled
    on noise so that numbers do not grow from layer to layer."""
    copy = deepcopy(network)
    for one in gate(copy, shape, layers).values():
        one.keep(density)
    x = torch.randn(4, shape.channels, shape.height, shape.width)
    reestimate(copy, [(x, torch.zeros(len(x)))])
    return copy


def calls_of(
    network: nn.Module, shape: Shape, layers: list[str], images: dict[float, Tensor]
) -> tuple[dict[str, Callable[[], None]], dict[str, float]]:
    """Calls by name, and the share of the dense MACs that each computes by itself."""
    x = images[1.0]
    calls = {DENSE: eager_call(network, x), FOLDED: eager_call(folded(network, shape), x)}
    shares = dict.fromkeys(calls, 1.0)
    for density, image in images.items():
        one = gated(network, shape, layers, density)
        share = measured_work(one, shape, [image]).share
        with torch.inference_mode():
            expected = one(image)
            torch.testing.assert_close(let_skip(deepcopy(one))(image), expected, rtol=1e-3,
                                       atol=1e-5 * float(expected.abs().max()))  # fmt: skip
        calls[f"masked at {density:g}"] = eager_call(one, image)
        calls[f"skipping at {density:g}"] = eager_call(let_skip(deepcopy(one)), image)
        shares |= {f"masked at {density:g}": 1.0, f"skipping at {density:g}": share}
    return calls, shares


def compare(title: str, config: GatesConfig, network: nn.Module, shape: Shape, layers: list[str],
            images: dict[float, Tensor]) -> None:  # fmt: skip
    """Print one table."""
    calls, shares = calls_of(network.eval(), shape, layers, images)
    protocol = Protocol(
        visit_ms=config.visit_ms,
        spread_s=config.spread_s,
        min_visits=config.visits,
        max_visits=config.visits,
    )
    visits = time_calls(calls, OnnxRuntime(), protocol, config.seed, show=False)
    calm = undisturbed(visits)
    print(f"\n{title}")
    print(f"{'':<18} {'ms':>8} {'MACs':>7}  {FOLDED} / it")
    for name, share in shares.items():
        print(f"{name:<18} {p10_ms(calm[name]):>8.3f} {share:>7.1%}  {ratio(visits, name)}")
    timed = [visit for name, those in calm.items() if name != SENTINEL for visit in those]
    reason = contention(timed, calm[SENTINEL])
    if reason is not None:
        print(f"warning: {reason}", flush=True)


def ratio(visits: Visits, name: str) -> str:
    """How many times as fast as the dense one: median of rounds (middle half)."""
    pairs = zip(visits[FOLDED], visits[name], strict=True)
    low, middle, high = np.percentile([a.statistic / b.statistic for a, b in pairs], [25, 50, 75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def main(config: GatesConfig) -> None:
    """A table for the wide layer, and one for each network."""
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    print(f"batch 1, 1 thread, {config.visits} rounds; ratios: median of rounds (middle half)")
    wide = nn.Sequential(
        nn.Conv2d(WIDE.channels, WIDE.channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(WIDE.channels),
    )
    x = torch.randn(1, WIDE.channels, WIDE.height, WIDE.width)
    images: dict[float, Tensor] = {}
    for density in DENSITIES:
        there = torch.rand(WIDE.channels).argsort() < density * WIDE.channels
        images[density] = x * there[:, None, None]
    title = f"3x3, {WIDE.channels} to {WIDE.channels} channels, {WIDE.height}x{WIDE.width}, as "
    compare(f"{title}many input channels zero", config, wide, WIDE, ["0"], images)
    for name in config.names:
        subject = open_subject(name)
        network, shape = subject.build(config.seed).eval(), subject.input
        layers = [
            one.name
            for one in layers_of(network, shape)
            if one.kernel == 3 and one.input.channels > shape.channels
        ]
        x = torch.randn(1, shape.channels, shape.height, shape.width)
        title = f"{name}, {shape.height}x{shape.width}"
        compare(title, config, network, shape, layers, dict.fromkeys(DENSITIES, x))


if __name__ == "__main__":
    run_one("python -m benchmarks.gates", Command(GatesConfig, main))
