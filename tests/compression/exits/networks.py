"""Networks and the exits that can stand in them; who is called with how many images."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compression.exits import Exit
from proxyless_nas import hand_made
from proxyless_nas.layer import Shape
from tests.compression.channels.networks import Forward, Residual, conv, settle


class OnlyEval(nn.Module):
    """Does in training what it does not do in eval mode, and looks at its data."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return 2 * x
        return x if float(x.abs().max()) < 1e9 else -x


def _carrying(s: Any, x: Tensor) -> Tensor:
    """The images, a sum and a scale of the network's own are used before and behind the exits."""
    a = s.get_submodule("a")(x) * s.scale
    b = s.get_submodule("b")(a)
    c = s.get_submodule("c")(torch.cat([F.relu(b), x], 1)) + a
    return s.get_submodule("head")((c * s.scale).mean((2, 3)))


def _with_scale() -> nn.Module:
    network = Forward(_carrying, a=conv(3, 6), b=conv(6, 6), c=conv(9, 6), head=nn.Linear(6, 4))
    network.register_parameter("scale", nn.Parameter(torch.linspace(0.5, 1.5, 6)[:, None, None]))
    return network


def places(*names: str, width: int | None = None) -> tuple[Exit, ...]:
    return tuple(Exit(behind=name, width=width) for name in names)


def cases() -> dict[str, tuple[nn.Module, Shape, tuple[Exit, ...]]]:
    """Fresh ones at each call, in eval mode."""
    torch.manual_seed(0)
    smoke = hand_made("smoke")
    tail = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    found: dict[str, tuple[nn.Module, Shape, tuple[Exit, ...]]] = {
        "a network of ours": (smoke.build(seed=0), smoke.input, places("stem", "blocks.0")),
        "values that are carried": (_with_scale(), Shape(3, 8, 8), places("b", "c", width=5)),
        "inside a residual": (
            nn.Sequential(conv(3, 8), Residual(8, 8, 1), Residual(8, 8, 1), *tail),
            Shape(3, 8, 8),
            (Exit(behind="1.bn1"), Exit(behind="2.conv1", width=4)),
        ),
        "code that is not traced": (
            nn.Sequential(conv(3, 8), OnlyEval(), conv(8, 8), OnlyEval(), *tail),
            Shape(3, 8, 8),
            places("1", "2", "3"),
        ),
    }
    return {name: (settle(one), shape, at) for name, (one, shape, at) in found.items()}


def images(shape: Shape, count: int = 12, seed: int = 0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.randn(count, shape.channels, shape.height, shape.width, generator=chance)


def between(values: Tensor) -> float:
    """A number about in their middle, and near none of them."""
    ordered = values.sort().values
    gaps = ordered.diff()
    quarter = len(gaps) // 4
    place = quarter + int(gaps[quarter:-quarter].argmax())
    return float(ordered[place] + ordered[place + 1]) / 2


@contextmanager
def counted(*modules: nn.Module) -> Iterator[list[int]]:
    """How many images have passed each of the modules."""
    counts = [0] * len(modules)

    def count(number: int):
        def called(part: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            counts[number] += len(inputs[0])

        return called

    handles = [one.register_forward_pre_hook(count(n)) for n, one in enumerate(modules)]
    yield counts
    for handle in handles:
        handle.remove()
