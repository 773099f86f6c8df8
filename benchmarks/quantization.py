"""What do few bits cost while a network learns, and how fast are they assigned to layers?

Training: a step (forward, backward, SGD) of networks whose layers but the first and the last have 4
bits for weights and activations, beside the same network in float, by each way to quantize; steps
are interleaved in shuffled rounds and quoted in CPU time of the process. Then, as in
`benchmarks.bit_assignment`, bits assigned to 54 layers beside HiGHS, and an update of HAQ's agent.
"""

import random
from collections.abc import Callable
from typing import Annotated, Literal, get_args

import torch
import torch.nn.functional as F
from msgspec import Struct
from torch import nn

from benchmarks import bit_assignment
from benchmarks.bit_assignment import BitsConfig, spread, timed
from compression.quantizers.activations import (
    DorefaActivations,
    LearnedActivations,
    PactActivations,
)
from compression.quantizers.asking import uniformly
from compression.quantizers.place import Asked, quantizable, quantize
from compression.quantizers.weights import DorefaWeights, LearnedWeights
from proxyless_nas.command import Command, run_one, short
from proxyless_nas.subject import open_subject
from training.optimizer import sgd

FLOAT = "float"
Way = Literal["lsq", "lsq-per-tensor", "pact", "dorefa"]


class QuantizationConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure training steps with few bits, and what assigns bits to layers."""

    arch: Annotated[tuple[str, ...], short("a")] = ("resnet20_cifar", "mobilenet_v2")
    """Networks, by any name that main.py takes."""
    resolution: int = 112
    """Side of the input of those for ImageNet."""
    batch_size: Annotated[int, short("b")] = 32
    """Images per step."""
    bits: int = 4
    """Bits of weights and activations."""
    ways: tuple[Way, ...] = get_args(Way)
    """Ways to quantize that stand beside float."""
    compile: bool = False
    """Compile the networks first, that in float too; takes minutes each."""
    rounds: int = 11
    """Timed steps of each kind."""
    threads: int = 1
    """CPU threads."""
    seed: int = 0
    """Seed of weights, images, and everything made up."""


def kinds(bits: int) -> dict[Way, Asked]:
    """Ways to quantize, by name."""
    return {
        "lsq": Asked(weights=LearnedWeights(bits=bits), activations=LearnedActivations(bits=bits)),
        "lsq-per-tensor": Asked(
            weights=LearnedWeights(bits=bits, per="tensor"),
            activations=LearnedActivations(bits=bits),
        ),
        "pact": Asked(weights=DorefaWeights(bits=bits), activations=PactActivations(bits=bits)),
        "dorefa": Asked(weights=DorefaWeights(bits=bits), activations=DorefaActivations(bits=bits)),
    }


def steps_of(arch: str, config: QuantizationConfig) -> dict[str, Callable[[], None]]:
    """One training step of each kind, in float first."""
    side = None if arch.endswith("_cifar") else config.resolution
    subject = open_subject(arch, side, None)
    shape = subject.input
    torch.manual_seed(config.seed)
    x = torch.randn(config.batch_size, *(shape.channels, shape.height, shape.width)).contiguous(
        memory_format=torch.channels_last
    )
    y = torch.randint(0, subject.classes, (config.batch_size,))
    found: dict[str, Callable[[], None]] = {}
    known = kinds(config.bits)
    for name, asked in {FLOAT: None, **{way: known[way] for way in config.ways}}.items():
        network = subject.build(seed=config.seed)
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        if asked is not None:
            quantize(network, uniformly(asked, quantizable(network, shape), 8), [(x, y)])
        if config.compile:
            network.compile()
        found[name] = step_of(network.train(), x, y)
    return found


def step_of(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> Callable[[], None]:
    """Forward, backward, SGD."""
    optimizer = sgd(network, 0.01, 0.9, 1e-4)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(network(x), y).backward()
        optimizer.step()

    return step


def train(arch: str, config: QuantizationConfig) -> None:
    """Print one row per way to quantize."""
    steps, order = steps_of(arch, config), random.Random(config.seed)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()  # untimed: kernels are chosen, memory is taken
    for _ in range(config.rounds):
        for name in order.sample(list(steps), len(steps)):
            times[name].append(timed(steps[name])[0])
    for name, found in times.items():
        ratios = [one / plain for one, plain in zip(found, times[FLOAT], strict=True)]
        print(f"{arch:<16} {name:<16} {spread(found, 1):<28} {spread(ratios)}", flush=True)


def main(config: QuantizationConfig) -> None:
    """Measure and print two tables."""
    torch.set_num_threads(config.threads)
    print(
        f"a training step, {config.batch_size} images, {config.bits} bits, {config.threads} "
        f"thread(s), {config.rounds} rounds{', compiled' if config.compile else ''}; "
        "median (min to max)"
    )
    print(f"{'':<16} {'':<16} {'ms':<28} times float")
    for arch in config.arch:
        train(arch, config)
    print()
    bit_assignment.main(BitsConfig(threads=config.threads, seed=config.seed))


if __name__ == "__main__":
    run_one("python -m benchmarks.quantization", Command(QuantizationConfig, main))
