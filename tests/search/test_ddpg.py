"""HAQ's agent: what it sees, what it may spend, when it learns, and that it gets better."""

import itertools
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from proxyless_nas import Shape
from proxyless_nas.layer import Layer
from search.ddpg import SEEN, BitLayer, Settings, Walk
from search.prices import Prices
from search.strategies import DDPG, RandomChoices
from tests.search.helpers import saying

WIDTHS = tuple(range(2, 9))
PAIRS = tuple(itertools.product((2, 4, 6, 8), (3, 8)))
FREE = (8, 8)
TINY = Settings(hidden=(16, 12), warmup=2, batch_size=8, memory=3)


def layer(name: str, **changes) -> Layer:
    told = {"kind": "conv", "input": Shape(16, 8, 8), "output": Shape(16, 8, 8), "kernel": 3}
    return Layer(name, **{**told, **changes})


def network(bits: tuple[tuple[int, int], ...] = PAIRS) -> list[BitLayer]:
    """A first convolution that is free of choice, pointwise and depthwise ones, a classifier."""
    return [
        BitLayer.of(layer("stem", input=Shape(3, 16, 16), stride=2), (FREE,)),
        BitLayer.of(layer("up", output=Shape(48, 8, 8), kernel=1), bits),
        BitLayer.of(layer("deep", input=Shape(48, 8, 8), output=Shape(48, 8, 8), groups=48), bits),
        BitLayer.of(layer("down", input=Shape(48, 8, 8), kernel=1), bits),
        BitLayer.of(Layer("fc", "linear", Shape(16, 1, 1), Shape(10, 1, 1)), bits),
    ]


def priced(layers: list[BitLayer], fixed: float = 5.0) -> Prices:
    """Bit products of the weights."""
    rows = [np.array([one.weights * w * a for w, a in one.bits], dtype=float) for one in layers]
    return Prices(fixed, rows, "cycles")


def at(prices: Prices, share: float) -> float:
    return prices.least + share * (prices.most - prices.least)


def lost_by(options: Sequence[int], worth: list[np.ndarray]) -> float:
    return sum(float(worth[k][o]) for k, o in enumerate(options))


def judge(strategy: DDPG, worth: list[np.ndarray], episodes: int) -> list[float]:
    """Ask and tell; the losses, of which the accuracy says exp(-loss)."""
    lost: list[float] = []
    for _ in range(episodes):
        (choices,) = strategy.ask()
        assert strategy.prices.of(choices.options) <= strategy.budget
        lost.append(lost_by(choices.options, worth))
        strategy.tell([choices], [saying(accuracy=math.exp(-lost[-1]))])
    return lost


def worth_of(layers: list[BitLayer], seed: int) -> list[np.ndarray]:
    chance = np.random.default_rng(seed)
    s = np.exp(chance.normal(size=(len(layers), 2)))
    return [
        np.array([one[0] * 4.0**-w + one[1] * 4.0**-a for w, a in of.bits])
        for one, of in zip(s, layers, strict=True)
    ]


def test_a_layer_is_described_by_what_it_is() -> None:
    stem, up, deep, _, fc = network()
    assert (stem.inputs, stem.outputs, stem.kernel, stem.stride, stem.feature) == (3, 16, 3, 2, 256)
    assert (up.kernel, up.weights, up.depthwise, up.bits) == (1, 16 * 48, False, PAIRS)
    assert (deep.weights, deep.depthwise) == (9 * 48, True)
    assert (fc.stride, fc.kernel, fc.feature, fc.weights) == (0, 1, 1, 160)
    alone = layer("alone", input=Shape(1, 8, 8), output=Shape(4, 8, 8))
    assert not BitLayer.of(alone, PAIRS).depthwise  # one channel in, which is all groups there are


def test_every_observation_is_in_range_and_says_what_is_due_and_what_was_done() -> None:
    layers = network()
    walk = Walk(layers, priced(layers), 1e9)
    chance = np.random.default_rng(0)
    for _ in range(20):
        trace = walk.forward(lambda seen: float(chance.random()))
        assert trace.seen.shape == (walk.steps, SEEN) == (8, 10)
        assert trace.seen.min() >= 0.0 and trace.seen.max() <= 1.0
        place, depthwise, kind, before = trace.seen[:, [0, 7, 8, 9]].T
        np.testing.assert_allclose(place * 4, [1, 1, 2, 2, 3, 3, 4, 4])
        np.testing.assert_array_equal(depthwise, [0, 0, 1, 1, 0, 0, 0, 0])
        np.testing.assert_array_equal(kind, [0, 1] * 4)
        assert before[0] == 1.0
        np.testing.assert_array_equal(before[1:], trace.done[:-1])
        assert (np.ptp(trace.seen[:, :8], axis=0) > 0).all()


def test_actions_have_equal_shares_and_options_tell_the_walk() -> None:
    layers = [BitLayer.of(layer("one", kernel=1), tuple((w, 8) for w in WIDTHS))]
    walk = Walk(layers, priced(layers), 1e9)
    taken = Counter(walk.forward(lambda seen, a=a: a).options[0] for a in np.linspace(0, 1, 7001))
    assert set(taken) == set(range(7)) and max(taken.values()) - min(taken.values()) <= 1
    assert walk.forward(lambda seen: 0.0).options == (0,)
    assert walk.forward(lambda seen: 1.0).options == (6,)
    layers = network()
    walk = Walk(layers, priced(layers), at(priced(layers), 0.3))
    chance = np.random.default_rng(1)
    for _ in range(20):
        trace = walk.forward(lambda seen: float(chance.random()))
        again = walk.retrace(trace.options)
        assert again.options == trace.options
        np.testing.assert_array_equal(again.seen, trace.seen)
        np.testing.assert_array_equal(again.done, trace.done)
        replayed = iter(trace.done.tolist())
        same = walk.forward(lambda seen, replayed=replayed: next(replayed))
        assert same.options == trace.options


@pytest.mark.parametrize("share", [0.0, 1e-9, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("wish", [0.0, 0.6, 1.0])
def test_no_wish_exceeds_the_budget_and_what_is_free_is_done(share: float, wish: float) -> None:
    chance = np.random.default_rng(2)
    ragged = ((8, 8), (8, 2), (4, 8), (5, 3), (2, 2))
    for bits in (PAIRS, ragged):
        layers = network(bits)
        rows = [chance.random(len(one.bits)) * chance.integers(1, 99) for one in layers]
        prices = Prices(0.1, rows, "ms")
        walk, budget = Walk(layers, prices, at(prices, share)), at(prices, share)
        for noise in (0.0, 0.4):
            trace = walk.forward(lambda seen, n=noise: min(1.0, wish + n * float(chance.random())))
            assert prices.of(trace.options) <= budget
            assert len(trace.done) == walk.steps
    generous = Walk(layers, prices, 2 * prices.most)
    assert [layers[1].bits[o] for o in generous.forward(lambda seen: wish).options[1:]] == [
        {0.0: (2, 2), 0.6: (5, 3), 1.0: (8, 8)}[wish]
    ] * 4


def test_layers_and_prices_that_do_not_belong_together_are_refused() -> None:
    layers = network()
    with pytest.raises(ValueError, match="one row of prices"):
        Walk(layers[1:], priced(layers), 1e9)
    twice = [BitLayer.of(layer("one"), ((8, 8), (4, 4), (8, 8)))]
    with pytest.raises(ValueError, match=r"\(8, 8\) twice"):
        Walk(twice, priced(twice), 1e9)
    with pytest.raises(ValueError, match="budget 9 cycles cannot be met"):
        Walk(layers, priced(layers), 9.0)
    with pytest.raises(ValueError, match="nothing to choose"):
        Walk(layers[:1], priced(layers[:1]), 1e9)


def test_every_step_behind_the_warm_up_is_followed_by_an_update() -> None:
    layers = network()
    strategy = DDPG(layers, priced(layers), at(priced(layers), 0.5), 0, settings=TINY)
    seen: list[int] = []
    for _ in range(5):
        judge(strategy, worth_of(layers, 0), 1)
        seen.append(strategy.agent.updates)
    assert seen == [0, 0, 8, 16, 24]
    assert {"best_reward", "critic_loss", "baseline"} == set(strategy.told())


def test_the_reward_is_tenths_of_percent_points_and_the_best_is_kept() -> None:
    layers = network()
    strategy = DDPG(layers, priced(layers), 1e9, 0, original=0.7, settings=TINY)
    before = strategy.best()
    assert before == strategy.sample() and strategy.told() == {}
    asked = [strategy.ask()[0] for _ in range(3)]
    strategy.tell(asked, [saying(accuracy=value) for value in (0.5, 0.65, 0.6)])
    assert strategy.told()["best_reward"] == pytest.approx(10 * (0.65 - 0.7), abs=1e-6)
    assert strategy.best() == asked[1]
    assert strategy.probabilities().argmax(dim=1).tolist() == list(asked[1].options)


def test_a_restored_agent_continues_as_if_never_stopped_and_seeds_differ() -> None:
    layers = network()
    prices, worth = priced(layers), worth_of(layers, 1)

    def make(seed: int) -> DDPG:
        return DDPG(layers, prices, at(prices, 0.4), seed, settings=TINY)

    first, second, other = make(5), make(6), make(6)
    torch.manual_seed(0)
    judge(first, worth, 5)
    second.restore(first.state())
    torch.manual_seed(1)
    assert judge(first, worth, 4) == judge(second, worth, 4)
    assert first.told() == second.told() and first.best() == second.best()
    mine, its = first.agent.state(), second.agent.state()
    assert torch.equal(mine["actor"]["vector"], its["actor"]["vector"])
    assert torch.equal(mine["critic"]["target"], its["critic"]["target"])
    assert judge(other, worth, 9) != judge(make(5), worth, 9)


def thin_and_wide(seed: int, layers: int = 16) -> tuple[list[BitLayer], list[np.ndarray], Prices]:
    """Pointwise and depthwise layers in turn; these are small, and lose 20 times as much."""
    chance = np.random.default_rng(seed)
    bits = tuple((w, 8) for w in WIDTHS)
    made: list[BitLayer] = []
    for place in range(layers):
        deep = place % 2 == 1
        before = made[-1].outputs if made else 32
        after = before if deep else before * int(chance.choice((1, 1, 2)))
        side = 64 // (1 + place // 4)
        weights = 9 * before if deep else before * after
        made.append(BitLayer(before, after, 3 if deep else 1, 1, side**2, weights, deep, bits))
    s = np.exp(chance.normal(0, 0.5, layers)) * [20.0 if one.depthwise else 1.0 for one in made]
    worth = s[:, None] * 4.0 ** -np.array(WIDTHS)
    return made, list(0.14 / worth[:, 2].sum() * worth), priced(made)


@pytest.mark.slow
def test_after_a_hundred_episodes_it_is_better_than_uniform_actions_and_than_chance() -> None:
    learning = Settings(hidden=(64, 64), noise_decay=0.97)
    uniform = Settings(hidden=(4, 4), warmup=10**6)
    ratios: list[tuple[float, ...]] = []
    for seed in range(2):
        layers, worth, prices = thin_and_wide(seed)
        budget = at(prices, 0.35)
        learned, drawn = (
            judge(DDPG(layers, prices, budget, seed, settings=settings), worth, 120)
            for settings in (learning, uniform)
        )
        at_budget = RandomChoices(prices, (0.98 * budget, budget), seed, 120).ask()
        chance = [lost_by(choices.options, worth) for choices in at_budget]
        late = float(np.mean(learned[-20:]) / np.mean(drawn))
        ratios.append((min(learned) / min(drawn), min(learned) / min(chance), late))
    best, best_of_chance, late = np.exp(np.mean(np.log(ratios), axis=0))
    assert best < 0.7 and best_of_chance < 0.9 and late < 0.4, ratios
