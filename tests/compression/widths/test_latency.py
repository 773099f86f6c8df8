"""Layers of a narrowed network are those of the network without its channels."""

import numpy as np
import pytest
import torch
from torch import nn

from compression.channels.cut import removed
from compression.channels.groups import find_channels
from compression.importance import Random
from compression.widths import Sizes, chosen_of, ranked, stops_of
from compression.widths.latency import Layers
from latency_tables.entry import Entry
from latency_tables.head import Head
from latency_tables.layers import layer_parts
from latency_tables.measure import identity_of
from latency_tables.runtimes import OnnxRuntime
from latency_tables.table import LatencyTable
from proxyless_nas import hand_made
from proxyless_nas.layer import Shape
from proxyless_nas.published import published_spec
from proxyless_nas.torchvision_door import make_classifier


def subject(name: str) -> tuple[nn.Module, Shape]:
    if name == "smoke":
        return hand_made(name).build(0), hand_made(name).input
    if name == "resnet20_cifar":
        return published_spec(name).build(0), Shape(3, 32, 32)
    return make_classifier(name, 10, None), Shape(3, 64, 64)


def layers_of(name: str) -> tuple[nn.Module, Layers, Sizes, Shape, torch.Tensor]:
    network, shape = subject(name)
    x = torch.randn(1, shape.channels, shape.height, shape.width)
    channels = find_channels(network, x)
    sizes = Sizes(network, channels, shape, ranked(Random(seed=1).scores(network, channels)))
    return network, Layers(network, shape, sizes), sizes, shape, x


@pytest.mark.slow
@pytest.mark.parametrize("name", ["smoke", "resnet20_cifar", "mobilenet_v2"])
def test_they_are_the_same_however_much_is_gone(name: str) -> None:
    network, layers, sizes, shape, x = layers_of(name)
    channels = find_channels(network, x)
    ranking = ranked(Random(seed=1).scores(network, channels))
    chance = np.random.default_rng(0)
    for most in (0.0, 0.3, 0.9):
        gone = {one: int(chance.integers(int(most * w) + 1)) for one, w in sizes.widths.items()}
        smaller = removed(network, channels, chosen_of(gone, ranking), x)
        assert layers.parts(gone) == list(layer_parts(smaller, shape))


def test_a_price_is_the_sum_over_all_layers_of_any_stops() -> None:
    _, layers, sizes, _, _ = layers_of("smoke")
    stops = stops_of(sizes.widths, 8)
    entries = {
        key: Entry(macs=part.macs, weight_bytes=part.weight_bytes, p10_ms=1.0 + part.macs)
        for key, part in layers.wanted(stops).items()
    }
    identity = identity_of("smoke", OnnxRuntime(), granularity="layer")
    head = Head(
        identity=identity, date="", load_before=None, load_after=None, sentinel_ms=1.0,
        empty_ms=1.0, contended=False, reason=None,
    )  # fmt: skip
    cost = layers.cost(LatencyTable(head, entries))
    chance = np.random.default_rng(0)
    for _ in range(5):
        gone = {name: int(chance.choice((0, *every))) for name, every in stops.items()}
        assert cost(gone) == pytest.approx(sum(part.macs for part in layers.parts(gone)))
    name = next(name for name, every in stops.items() if every)
    with pytest.raises(LookupError, match="no entry"):
        cost({name: 1})
