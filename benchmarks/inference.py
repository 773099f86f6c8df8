"""How fast are published networks here? Ours and torchvision's, in eager mode and ONNX Runtime.

Everything is timed in the same shuffled rounds of one process, on one thread, one image, in CPU
time of the thread (the protocol of latency tables). Times are those of undisturbed rounds. Ratios
are taken round by round, in all of them, because a slow spell of the machine slows both sides.
What our modules cost over a plain nn.Sequential is less than such ratios can resolve, so it is also
measured with layers that do nothing.
"""

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
from msgspec import Struct
from torch import Tensor, nn

from latency_tables.entry import p10_ms
from latency_tables.model import Model
from latency_tables.networks import time_calls
from latency_tables.protocol import (
    SENTINEL,
    Protocol,
    Visits,
    contention,
)
from latency_tables.runtimes import OnnxRuntime
from latency_tables.spells import undisturbed
from proxyless_nas import Network, Shape, load_network
from proxyless_nas.blocks.classifier import PooledLinear
from proxyless_nas.blocks.drop_path import DropPath
from proxyless_nas.blocks.mbconv import InvertedBottleneck
from proxyless_nas.command import Command, run_one

THEIRS = "torchvision:mobilenet_v2"
WIDER = "mobilenet_v2-w1.4"
NAMES = ("proxyless_mobile", "proxyless_cpu", "mobilenet_v2", WIDER, THEIRS)
COMPARED = {  # (above, below): what the paper found on its phone, or what should be
    ("proxyless_mobile", THEIRS): "paper: 1.04, at 74.6 % against 72.0 %",
    (WIDER, "proxyless_mobile"): "paper: 1.83, at 74.7 % against 74.6 %",
    ("proxyless_cpu", THEIRS): "paper: 75.3 % against 72.0 %",
    ("mobilenet_v2", THEIRS): "the same network: 1",
}


class InferenceConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compare inference times of published networks, and of our modules with plain ones."""

    side: int = 224
    """Side of the square input."""
    visits: int = 24
    """Rounds."""
    visit_ms: float = 60.0
    """Timed milliseconds per network and round."""
    seed: int = 0
    """Seed of weights, of the image and of the order in each round."""


class Added(nn.Module):
    """x + inner(x): the least that a residual needs."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


def plain(network: Network) -> nn.Sequential:
    """The same layers in a plain nn.Sequential, with the same weights; no names, no blocks.

    What is counted as a layer: convolution, batch norm, activation, pooling, dropout, linear. A
    residual is an inner nn.Sequential in `Added`, because nothing plainer can add.
    """
    parts: list[nn.Module] = []
    for name, _, _ in network.spec.placed():
        block = network.get_submodule(name)
        layers = list(_leaves(block))
        if isinstance(block, InvertedBottleneck) and block.residual:
            parts.append(Added(nn.Sequential(*layers)))
        elif isinstance(block, PooledLinear):
            parts += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), *layers]
        else:
            parts += layers
    return nn.Sequential(*parts)


def _leaves(block: nn.Module) -> Iterator[nn.Module]:
    """Modules that do work, in order."""
    for part in block.modules():
        if not list(part.children()) and not isinstance(part, nn.Identity | DropPath):
            yield part


def idle(module: nn.Module) -> nn.Module:
    """A copy whose layers return what they get: what is left is the time between the layers."""
    module = copy.deepcopy(module)
    for part in module.modules():
        if not list(part.children()):
            part.forward = lambda x: x
    return module


def eager_call(module: nn.Module, x: Tensor) -> Callable[[], None]:
    """Runs the module once."""

    def call() -> None:
        with torch.inference_mode():
            module(x)

    return call


def calls_of(side: int, seed: int) -> dict[str, Callable[[], None]]:
    """`eager NAME` and `onnx NAME` for every network.

    For ours also `plain NAME`, and `idle ...` of both on one pixel.
    """
    x = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(seed))
    pixel = torch.zeros(1, 1, 1, 1)
    runtime, calls = OnnxRuntime(), {}
    for name in NAMES:
        network = load_network(name, seed).eval()
        calls[f"eager {name}"] = eager_call(network, x)
        if isinstance(network, Network):
            same = plain(network).eval()
            with torch.inference_mode():
                torch.testing.assert_close(same(x), network(x))
            calls[f"plain {name}"] = eager_call(same, x)
            calls[f"idle eager {name}"] = eager_call(idle(network), pixel)
            calls[f"idle plain {name}"] = eager_call(idle(same), pixel)
        calls[f"onnx {name}"] = runtime.prepare(
            Model(name, lambda n=network: n, Shape(3, side, side))
        )
    return calls


def measure(config: InferenceConfig) -> Visits:
    """Visits of every call, one per round, and of the sentinel."""
    protocol = Protocol(
        visit_ms=config.visit_ms, min_visits=config.visits, max_visits=config.visits
    )
    return time_calls(calls_of(config.side, config.seed), OnnxRuntime(), protocol, config.seed)


def row(visits: Visits, above: str, below: str, note: str = "") -> str:
    """The ratio of two calls, round by round: median, and the range of the middle half."""
    pairs = zip(visits[above], visits[below], strict=True)
    low, middle, high = np.percentile([a.statistic / b.statistic for a, b in pairs], [25, 50, 75])
    return f"{above + ' / ' + below:<58} {middle:.3f} ({low:.3f} to {high:.3f})  {note}".rstrip()


def main(config: InferenceConfig) -> None:
    """Measure; print times, then ratios."""
    torch.set_num_threads(1)
    visits = measure(config)
    calm = undisturbed(visits)
    sentinel = calm.pop(SENTINEL)
    print(
        f"{config.side}x{config.side}, batch 1, 1 thread, {config.visits} rounds, "
        f"{len(sentinel)} of them undisturbed"
    )
    reason = contention((one for seen in calm.values() for one in seen), sentinel)
    if reason is not None:
        print(f"warning: {reason}")
    print(f"{'CPU ms':<34} {'p10':>8} {'p50':>8} {'p90':>8}")
    for name, seen in calm.items():
        times = np.percentile(np.concatenate([one.spent for one in seen]) / 1e6, [10, 50, 90])
        print(f"{name:<34} " + " ".join(f"{time:8.3f}" for time in times))
    print("ratio: median over all rounds (middle half)")
    for name in NAMES:
        if f"plain {name}" in visits:
            between = p10_ms(calm[f"idle eager {name}"]) - p10_ms(calm[f"idle plain {name}"])
            share = between / p10_ms(calm[f"plain {name}"])
            note = f"between layers: {between:+.3f} ms, {share:+.1%}"
            print(row(visits, f"eager {name}", f"plain {name}", note))
    for (above, below), note in COMPARED.items():
        for how in ("eager", "onnx"):
            print(row(visits, f"{how} {above}", f"{how} {below}", note))


if __name__ == "__main__":
    run_one("python benchmarks/inference.py", Command(InferenceConfig, main))
