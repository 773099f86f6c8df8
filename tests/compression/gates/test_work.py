"""Work of a network with gates is what a count by hand says."""

import pytest
import torch
from torch import nn

from compression.gates.place import gate, let_skip
from compression.gates.work import expected_work, measured_work
from proxyless_nas import macs_of
from proxyless_nas.layer import Shape
from tests.compression.channels.networks import Forward, conv, settle
from tests.compression.gates.networks import SHAPE, chain, images, residual

FIRST, SECOND, REST = 8 * 8 * 9 * 3 * 10, 4 * 4 * 9 * 10 * 7, 7 * 5
"""Multiply-accumulates of the chain's two convolutions and of its linear layer."""
OVER = (8 * 8 * 3 + 3 * 10, 8 * 8 * 10 + 10 * 7)


def test_a_chain_costs_what_a_count_by_hand_says() -> None:
    """5 of 10 channels pass the first, 2 of 7 the second."""
    network = chain()
    assert macs_of(network, SHAPE) == FIRST + SECOND + REST
    placed = gate(network, SHAPE, ["0", "3"])
    placed["0"].keep(0.5)
    placed["3"].keep(0.25)
    work = expected_work(network, SHAPE)
    assert work.without_gates == FIRST + SECOND + REST
    first, second = work.layers["0"], work.layers["3"]
    assert (first.dense, second.dense) == (FIRST, SECOND)
    assert (first.overhead, second.overhead) == OVER
    assert (first.taken, first.active) == (1.0, 0.5)
    assert (second.taken, second.active) == pytest.approx((0.5, 2 / 7))
    assert first.macs == FIRST * 0.5 + OVER[0]
    assert second.macs == pytest.approx(SECOND * 0.5 * 2 / 7 + OVER[1])
    assert work.macs == pytest.approx(first.macs + second.macs + REST)
    assert work.share == pytest.approx(work.macs / (FIRST + SECOND + REST))


def test_what_is_measured_is_what_a_loop_over_images_counts() -> None:
    """ReLUs leave channels of the first convolution all zero, more for some images than for others;
    and an image whose third channel is black costs less."""
    network = chain()
    for one in gate(network, SHAPE, ["0", "3"], deviation=0.5).values():
        one.keep(0.5)
        one.bias.data -= 1.5
    x = images(10)
    x[4, 2] = 0
    by_hand, seen = 0.0, set[int]()
    with torch.no_grad():
        for image in x.split(1):
            taken = sum(bool(channel.any()) for channel in image[0])
            between = network.get_submodule("0")(image).relu()
            seen.add(left := sum(bool(channel.any()) for channel in between[0]))
            by_hand += FIRST * taken / 3 * 0.5 + SECOND * left / 10 * 4 / 7 + REST + sum(OVER)
    assert len(seen) > 1 and max(seen) <= 5
    found = measured_work(network, SHAPE, x.split(3))
    assert found.macs == pytest.approx(by_hand / 10)
    assert found.layers["0"].taken == pytest.approx(29 / 30)
    assert found.macs < expected_work(network, SHAPE).macs


def test_a_sum_takes_what_any_side_gives_and_a_product_what_both_give() -> None:
    """Of 4 channels 2 pass on either side: by chance 3 are there in a sum, 1 in a product."""

    def around(join: object) -> nn.Module:
        network = Forward(
            lambda s, x: s.head(s.c_bn(s.c(join(s.a_bn(s.a(x)), s.b_bn(s.b(x))))).mean((2, 3))),  # pyright: ignore
            a=conv(3, 4), b=conv(3, 4), c=conv(4, 4), a_bn=nn.BatchNorm2d(4),
            b_bn=nn.BatchNorm2d(4), c_bn=nn.BatchNorm2d(4), head=nn.Linear(4, 2),
        )  # fmt: skip
        for one in gate(settle(network), SHAPE, ["a", "b", "c"]).values():
            one.keep(0.5)
        return network

    for join, share in ((torch.add, 0.75), (torch.mul, 0.25)):
        work = expected_work(around(join), SHAPE, draws=2000)
        assert work.layers["c"].taken == pytest.approx(share, abs=0.02)
        assert work.layers["a"].taken == 1.0


def test_counting_leaves_the_network_as_it_was() -> None:
    network = residual().train()
    layers = [name for name, one in network.named_modules() if isinstance(one, nn.Conv2d)]
    for one in gate(network, SHAPE, layers).values():
        one.keep(0.5)
    let_skip(network)
    before = {name: one.clone() for name, one in network.state_dict().items()}
    work = measured_work(network, SHAPE, [images(3)])
    assert work == measured_work(network, SHAPE, images(3).split(1))
    expected_work(network, SHAPE)
    assert network.training and not any(part._forward_hooks for part in network.modules())
    assert all(torch.equal(one, before[name]) for name, one in network.state_dict().items())


def test_without_gates_or_images_there_is_nothing_to_count() -> None:
    network = chain()
    with pytest.raises(ValueError, match="the network has no gates: train it under a recipe"):
        expected_work(network, SHAPE)
    gate(network, SHAPE, ["0"])
    with pytest.raises(ValueError, match="nothing is counted: there are no images"):
        measured_work(network, Shape(3, 8, 8), [])
