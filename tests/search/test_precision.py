"""Bits as a problem: prices, slopes at gates, and a journal that is told again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from torch import Tensor, nn

from compression.quantizers.activations import RangeActivations
from compression.quantizers.weights import RangeWeights
from proxyless_nas.bits import Bits, load_policy
from proxyless_nas.counting import layers_of
from proxyless_nas.layer import Layer, Shape
from search.asking import ask_and_tell
from search.choices import Choices, Evidence
from search.evaluators.curvature import curvature
from search.evaluators.rounded import RoundedNetwork
from search.journal import Journal
from search.prices import Prices
from search.problems.precision import Precision
from search.strategies import Evolution, TwoPaths

SHAPE = Shape(3, 8, 8)
FEW = (8, 4, 2)


def network() -> nn.Module:
    """Six layers that compute, without batch norms."""
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()]
    for groups in (1, 8, 1, 1):
        layers += [nn.Conv2d(8, 8, 3, padding=1, groups=groups), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)).eval()


def batches(count: int = 2) -> list[tuple[Tensor, Tensor]]:
    chance = torch.Generator().manual_seed(3)
    return [
        (torch.randn(8, 3, 8, 8, generator=chance), torch.randint(5, (8,), generator=chance))
        for _ in range(count)
    ]


def problem(activations: tuple[int, ...] = FEW) -> Precision:
    return Precision("small", layers_of(network(), SHAPE), FEW, activations)


def rounded(one: Precision) -> RoundedNetwork:
    return RoundedNetwork(network(), one, RangeWeights(), RangeActivations(), batches())


def operations(layer: Layer, bits: Bits) -> float:
    return float(layer.macs * bits.weights * bits.activations)


def test_ends_have_eight_bits_and_the_first_option_is_the_most_bits(tmp_path: Path) -> None:
    one = problem()
    assert one.searched == ("2", "4", "6", "8") and one.options[0] == Bits(8, 8)
    options = (0, 4, 8, 1)
    policy = one.decode(options)
    assert [str(bits) for bits in policy.layers.values()] == [
        "w8a8", "w8a8", "w4a4", "w2a2", "w8a4", "w8a8",
    ]  # fmt: skip
    policy.save(tmp_path / "bits.json")
    assert load_policy(tmp_path / "bits.json", one.layers) == policy


@pytest.mark.parametrize("ends", [False, True])
def test_prices_are_those_of_the_policy(ends: bool) -> None:
    one = problem()
    prices = one.prices(operations, "bit operations", ends)
    chance = np.random.default_rng(0)
    for _ in range(5):
        options = chance.integers(0, len(one.options), len(one.searched)).tolist()
        policy = one.decode(options)
        expected = sum(
            operations(layer, policy.of(layer))
            for layer in one.layers
            if ends or layer.name in one.searched
        )
        assert prices.of(options) == pytest.approx(expected)
    assert prices.of(one.uniform(Bits(8, 8))) == prices.most


def test_a_layer_that_is_called_twice_computes_twice_and_is_kept_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.three = (nn.Linear(4, 4) for _ in range(3))

        def forward(self, x: Tensor) -> Tensor:
            return self.three(self.two(self.two(self.one(x.mean(dim=(2, 3)).repeat(1, 4)))))

    layers = layers_of(Twice(), Shape(1, 4, 4))
    one = Precision("twice", layers, FEW, FEW)
    assert one.searched == ("two",)
    most = one.uniform(Bits(8, 8))
    assert one.prices(operations, "", count_ends=False).of(most) == 2 * 16 * 64
    weight_bytes = one.prices(
        lambda layer, bits: layer.weights * bits.weights / 8, "", False, False
    )
    assert weight_bytes.of(most) == 16


def test_judging_is_that_of_the_network_with_quantizers_and_fewer_bits_differ_more() -> None:
    one = problem()
    judge = rounded(one)
    losses = [
        float(
            judge.evaluate(Choices(one.uniform(Bits(bits, bits))), judge.answered(batches())).loss
        )
        for bits in FEW
    ]
    assert 0 <= losses[0] < losses[1] < losses[2]
    x = batches()[0][0]
    options = one.uniform(Bits(4, 2))
    with torch.no_grad():
        answer = judge.opened(options)(x)
        layer = network().get_submodule("2")
        seen: list[Tensor] = []
        judge.rounded.get_submodule("2").register_forward_pre_hook(
            lambda _, given: seen.append(given[0])
        )
        out = judge.rounded(x)
    torch.testing.assert_close(answer, out)
    assert isinstance(layer, nn.Conv2d) and seen[0].shape == (8, 8, 8, 8)


def test_slopes_at_gates_are_those_of_a_sum_of_all_candidates() -> None:
    one = problem()
    judge = rounded(one)
    options, closed = (0, 4, 8, 1), ((4, 8), (0, 1), (2, 3), (5, 0))
    told = judge.evaluate(Choices(options, closed), judge.answered(batches(1)))
    x = batches(1)[0][0]
    gates = torch.zeros(4, 3)
    gates[:, 0] = 1
    gates.requires_grad_()
    with torch.no_grad():
        expected: Tensor = judge.whole(x).log_softmax(dim=1)
    y: Any = x
    knob = 0
    for name, part in judge.rounded.named_children():
        if name in one.searched:
            each = [part.candidates[o](y) for o in (options[knob], *closed[knob])]  # type: ignore
            y = sum(gates[knob, j] * answer for j, answer in enumerate(each))  # type: ignore
            knob += 1
        else:
            y = part(y)
    loss = nn.functional.kl_div(
        torch.log_softmax(y, dim=1), expected, reduction="batchmean", log_target=True
    )
    (slopes,) = torch.autograd.grad(loss, [gates])
    assert told.slopes is not None
    torch.testing.assert_close(told.slopes, slopes, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(told.loss.float(), loss.detach(), rtol=1e-4, atol=1e-6)


def test_without_fixed_ends_every_layer_has_a_knob_and_float_is_float() -> None:
    layers = layers_of(network(), SHAPE)
    one = Precision("small", layers, FEW, (32,), ends=None)
    assert one.searched == one.names and one.options[0] == Bits(8, 32)
    prices = one.prices(lambda layer, bits: layer.weights * bits.weights / 8, "bytes", False, False)
    assert prices.of(one.uniform(Bits(4, 32))) == sum(layer.weights for layer in layers) / 2
    every = Precision("small", layers, (32,), (32,), ends=None)
    judge = RoundedNetwork(network(), every, RangeWeights(), RangeActivations(), batches())
    x = batches()[0][0]
    torch.testing.assert_close(judge.opened(every.uniform(Bits(32, 32)))(x), network()(x))


def test_curvature_says_what_judging_each_layer_alone_says() -> None:
    one, loud = problem(), network()
    for part in loud.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight)  # so that answers differ between images
    judge = RoundedNetwork(loud, one, RangeWeights(), RangeActivations(), batches())
    chance = torch.Generator().manual_seed(1)
    x = torch.randn(512, 3, 8, 8, generator=chance)
    losses = curvature(judge, x)
    seen = judge.answered([(x, torch.zeros(len(x), dtype=torch.int64))])
    first = one.uniform(Bits(8, 8))
    whole = float(judge.evaluate(Choices(first), seen).loss)
    for knob, row in enumerate(losses):
        assert row[0] == 0
        for pair in (Bits(4, 8), Bits(8, 4), Bits(4, 4), Bits(2, 8)):
            option = one.options.index(pair)
            options = [*first[:knob], option, *first[knob + 1 :]]
            truth = float(judge.evaluate(Choices(tuple(options)), seen).loss) - whole
            assert truth > 0 and 0.5 < row[option] / truth < 2.0


def test_curvature_adds_the_calls_of_a_layer_that_is_called_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.one, self.two, self.three = (nn.Linear(16, 16) for _ in range(3))

        def forward(self, x: Tensor) -> Tensor:
            return self.three(self.two(self.two(self.one(x.flatten(1))).relu_()))

    layers = layers_of(Twice().eval(), Shape(1, 4, 4))
    one = Precision("twice", layers, FEW, FEW)
    x = torch.randn(512, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    batch = x, torch.zeros(len(x), dtype=torch.int64)
    judge = RoundedNetwork(Twice(), one, RangeWeights(), RangeActivations(), [batch])
    (row,) = curvature(judge, x)
    seen = judge.answered([batch])
    whole = float(judge.evaluate(Choices((0,)), seen).loss)
    for pair in (Bits(4, 8), Bits(8, 4)):
        option = one.options.index(pair)
        truth = float(judge.evaluate(Choices((option,)), seen).loss) - whole
        assert 0.5 < row[option] / truth < 2.0


def priced() -> tuple[Precision, Prices]:
    one = problem(activations=(8, 4))
    return one, one.prices(operations, "bit operations", count_ends=False)


def strategies() -> list[Evolution | TwoPaths]:
    _, prices = priced()
    budget = 0.4 * prices.most
    return [
        Evolution(prices, (0.8 * budget, budget), seed=0, batch=6),
        TwoPaths(prices, None, lr=0.1, seed=0),
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_a_search_that_was_killed_goes_on_as_one_that_was_not(number: int, tmp_path: Path) -> None:
    judge = rounded(priced()[0])
    asked: list[int] = []

    def answer(count: int, choices: Choices) -> Evidence:
        asked.append(count)
        return judge.evaluate(choices, judge.answered(batches(1)))

    whole = strategies()[number]
    assert ask_and_tell(whole, answer, Journal(tmp_path / "whole"), 15, "whole") == 15
    assert asked == list(range(15))
    part = strategies()[number]
    ask_and_tell(part, answer, Journal(tmp_path / "part"), 8, "part")
    torn = (tmp_path / "part").read_bytes()
    (tmp_path / "part").write_bytes(torn[:-9])  # killed while it wrote
    asked.clear()
    again = strategies()[number]
    ask_and_tell(again, answer, Journal(tmp_path / "part"), 15, "again")
    assert asked == list(range(7, 15))
    assert again.best() == whole.best()
    one, two = (
        [replace(line, seconds=0.0) for line in Journal(tmp_path / name).lines]
        for name in ("whole", "part")
    )
    assert one == two
    times = [line.seconds for line in Journal(tmp_path / "part").lines]
    assert times == sorted(times) and times[0] > 0


def test_a_journal_of_another_search_is_refused(tmp_path: Path) -> None:
    judge = rounded(priced()[0])

    def answer(count: int, choices: Choices) -> Evidence:
        return judge.evaluate(choices, judge.answered(batches(1)))

    ask_and_tell(strategies()[0], answer, Journal(tmp_path / "one"), 6, "one")
    _, prices = priced()
    other = Evolution(prices, (0.0, prices.most), seed=7, batch=6)
    with pytest.raises(ValueError, match="judgement 0 of the journal is of other choices"):
        ask_and_tell(other, answer, Journal(tmp_path / "one"), 6, "other")


@pytest.mark.parametrize("bits", [(), (4, 8), (8, 8)])
def test_bits_that_do_not_fall_are_refused(bits: Sequence[int]) -> None:
    with pytest.raises(ValueError, match="do not fall"):
        Precision("small", layers_of(network(), SHAPE), tuple(bits), FEW)
