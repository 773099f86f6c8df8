"""What a compressed network is said to cost is what it costs once it is made."""

from functools import cache

import pytest
import torch
from torch import nn

from compression.channels.cut import noise
from compression.channels.groups import Channels, find_channels
from compression.importance import L2
from compression.quantizers.fold import folded
from compression.quantizers.place import quantizable
from compression.widths import Ranking, Sizes, ranked, stops_of
from latency_tables.simulate.presets import HARDWARE
from latency_tables.simulate.pricing import network_mj, network_ms
from proxyless_nas.bits import Bits, Policy, bit_operations
from proxyless_nas.counting import layers_of, macs_by_module
from proxyless_nas.layer import Shape
from proxyless_nas.subject import open_subject
from search.auto import layerwise
from search.auto.costs import Cost, counted
from search.auto.goal import Metric
from search.evaluators.compressed import CompressedNetwork
from search.problems.compressed import Compressed, Compression
from tests.compression.channels.networks import settle

SHAPE = Shape(3, 16, 16)
NAMES = ("resnet20_cifar", pytest.param("mobilenet_v2", marks=pytest.mark.slow))


class Small:
    """A network with random weights, and everything that tells its costs."""

    def __init__(self, name: str) -> None:
        self.whole = settle(open_subject(name, side=SHAPE.height).build(seed=0)).eval()
        self.lone = folded(self.whole, SHAPE)
        self.channels = self._channels(self.whole)
        self.ranking: Ranking = ranked(L2().scores(self.whole, self.channels))
        self.sizes = Sizes(self.lone, self._channels(self.lone), SHAPE, self.ranking)
        layers = quantizable(self.lone, SHAPE)
        self.problem = Compression(
            stops=stops_of(self.sizes.widths, 4, 3), layers=layers, bits=(32, 8, 3),
            shares=(0.0, 0.3, 0.77),
        )  # fmt: skip
        self.costs = counted(self.sizes, {layer: f"{layer}.weight" for layer in layers})
        chance = torch.Generator().manual_seed(1)
        images = torch.randn(8, 3, 16, 16, generator=chance)
        batches = [(images, torch.zeros(8, dtype=torch.long))]
        self.network = CompressedNetwork(
            self.whole, SHAPE, self.channels, self.ranking, batches, batches
        )

    @staticmethod
    def _channels(network: nn.Module) -> Channels:
        found = find_channels(network, noise(SHAPE, network))
        return found.made_by([layer for layer, _ in network.named_modules()])

    def drawn(self, seed: int) -> Compressed:
        chance = torch.Generator().manual_seed(seed)
        counts = self.problem.counts
        return self.problem.decode(
            [int(torch.randint(count, (1,), generator=chance)) for count in counts]
        )

    def layerwise(self) -> layerwise.Layerwise:
        return layerwise.Layerwise(self.lone, SHAPE, self.sizes)


small = cache(Small)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", NAMES)
def test_counts_are_those_of_the_network_that_is_made(name: str, seed: int) -> None:
    given, one = small(name), small(name).drawn(seed)
    made = folded(given.network.narrowed(one), SHAPE)
    parameters = list(made.parameters())
    assert given.costs["macs"](one) == sum(macs_by_module(made, SHAPE).values())
    assert given.costs["parameters"](one) == sum(each.numel() for each in parameters)
    zeros = sum(int((each == 0).sum()) for each in parameters if each.ndim > 1)
    assert given.costs["nonzeros"](one) == given.costs["parameters"](one) - zeros


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", NAMES)
def test_sums_over_layers_are_those_of_the_network_that_is_made(name: str, seed: int) -> None:
    given, one = small(name), small(name).drawn(seed)
    made = layers_of(folded(given.network.narrowed(one), SHAPE), SHAPE)
    layers = given.layerwise()

    def policy(least: int, flows: int) -> Policy:
        bits = {layer.name: Bits(one.bits.get(layer.name, least), flows) for layer in made}
        return Policy(name, bits)

    assert layerwise.bit_operations(layers, False)(one) == bit_operations(made, policy(32, 32))
    assert layerwise.bit_operations(layers, True)(one) == bit_operations(made, policy(32, 8))
    for hardware in HARDWARE.values():
        costs: dict[Metric, Cost] = layerwise.on_hardware(layers, hardware)
        spent = network_ms(hardware, made, policy(8, 8)) / hardware.batch
        assert costs["latency"](one) == pytest.approx(spent, rel=1e-12)
        if hardware.knows_energy:
            energy = network_mj(hardware, made, policy(8, 8)) / hardware.batch
            assert costs["energy"](one) == pytest.approx(energy, rel=1e-12)


def test_integers_are_eight_bits_everywhere() -> None:
    given = small("resnet20_cifar")
    macs = given.costs["macs"](Compressed())
    operations = layerwise.bit_operations(given.layerwise(), False)
    assert operations(Compressed(int8=True)) == 64 * macs
    assert operations(Compressed()) == 1024 * macs
    assert given.costs["bytes"](Compressed(int8=True)) < given.costs["bytes"](Compressed()) / 3
