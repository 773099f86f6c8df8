"""Laws of strategies whose logits learn: the paper's formulas, budgets met, nothing forgotten."""

import itertools

import numpy as np
import pytest
import torch

from search.choices import Choices
from search.prices import Prices
from search.strategies import AllPaths, Reinforce, TwoPaths
from search.strategies.distribution import PathDistribution
from search.strategies.gate_gradient import order_of
from tests.search.helpers import SPACE, make_objective, make_prices, saying

KNOBS = len(SPACE.counts)


def make(kind: type[TwoPaths] = TwoPaths, **objective) -> TwoPaths:
    return kind(make_prices(), make_objective(**objective), lr=0.05, seed=7)


def slopes_for(choices: Choices, seed: int) -> torch.Tensor:
    assert choices.closed is not None
    most = 1 + max(len(closed) for closed in choices.closed)
    slopes = torch.randn(KNOBS, most, generator=torch.Generator().manual_seed(seed))
    for knob, closed in enumerate(choices.closed):
        slopes[knob, 1 + len(closed) :] = 0.0
    return slopes


def scramble(strategy: PathDistribution) -> None:
    alive = torch.isfinite(strategy.logits)
    noise = torch.randn(alive.shape, generator=torch.Generator().manual_seed(2)).double()
    strategy.logits.copy_(torch.where(alive, noise, strategy.logits))


def every_network(prices: Prices) -> list[tuple[int, ...]]:
    return list(itertools.product(*[range(count) for count in prices.counts]))


@pytest.mark.parametrize("kind", [TwoPaths, AllPaths])
@pytest.mark.parametrize("loss", ["add", "mul-log"])
def test_the_logit_gradient_is_the_papers_formula(kind: type[TwoPaths], loss) -> None:
    strategy = make(kind, loss=loss)
    scramble(strategy)
    (choices,) = strategy.ask()
    slopes, task = slopes_for(choices, 3).double(), 0.8
    order = order_of(choices, strategy.logits.shape[1] if kind is AllPaths else None)
    logits = strategy.logits.gather(1, order).clone().requires_grad_()
    q = torch.softmax(logits, dim=1)
    # dL = f_task sum_j b_j dq_j + f_cost sum_j T_j dq_j, pulled through the softmax by autograd
    assert strategy.objective is not None
    f_task, f_cost = strategy.objective.factors(task, strategy.expected_cost())
    prices = strategy.prices.slopes(strategy.probabilities()).gather(1, order)
    pulled = (q * (f_task * slopes + f_cost * prices)).sum()
    (truth,) = torch.autograd.grad(pulled, [logits])
    strategy.tell([choices], [saying(task, slopes=slopes)])
    assert strategy.logits.grad is not None
    found = strategy.logits.grad.gather(1, order)
    torch.testing.assert_close(found, truth.nan_to_num())


def test_a_step_leaves_every_other_paths_probability_unchanged() -> None:
    strategy = make()
    for seed in range(20):
        (choices,) = strategy.ask()
        before = strategy.probabilities()
        strategy.tell([choices], [saying(slopes=slopes_for(choices, seed))])
        after = strategy.probabilities()
        others = torch.ones_like(before, dtype=torch.bool).scatter_(1, order_of(choices), False)
        torch.testing.assert_close(after[others], before[others])
        assert not torch.equal(after, before)


def test_the_expected_cost_is_the_mean_over_all_networks() -> None:
    strategy = make()
    scramble(strategy)
    p, mean = strategy.probabilities(), 0.0
    for options in every_network(strategy.prices):
        chance = float(torch.stack([p[k, o] for k, o in enumerate(options)]).prod())
        mean += chance * strategy.prices.of(options)
    assert strategy.expected_cost() == pytest.approx(mean)


def test_the_estimate_of_reinforce_converges_to_the_exact_gradient() -> None:
    prices = Prices(1.0, [np.array([1.0, 2.0, 3.0]), np.array([2.0, 1.0])], "ms")
    worth = torch.tensor([[0.2, 0.9, 0.5], [0.7, 0.1, 0.0]]).double()
    strategy = Reinforce(prices, make_objective(4.0, weight=0.5, must_meet=False), 0.0, 5, 4000)
    scramble(strategy)

    def reward(options: tuple[int, ...]) -> float:
        accuracy = float(sum(worth[knob, option] for knob, option in enumerate(options))) / 2
        return accuracy * (4.0 / prices.of(options)) ** 0.5

    logits = strategy.logits.clone().requires_grad_()
    p = torch.softmax(logits, dim=1)
    everything = every_network(prices)
    chances = [torch.stack([p[k, o] for k, o in enumerate(one)]).prod() for one in everything]
    mean = torch.stack([c * reward(one) for c, one in zip(chances, everything, strict=True)]).sum()
    (exact,) = torch.autograd.grad(-mean, [logits])
    exact = exact.nan_to_num()
    asked = strategy.ask()
    accuracies = [float(sum(worth[k, o] for k, o in enumerate(c.options))) / 2 for c in asked]
    rewards = [reward(c.options) for c in asked]
    without = strategy.gradient(asked, rewards, [0.0] * len(asked))
    strategy.tell(asked, [saying(accuracy=accuracy) for accuracy in accuracies])
    assert strategy.logits.grad is not None
    away = [float((found - exact).norm()) for found in (without, strategy.logits.grad)]
    assert max(away) / float(exact.norm()) < 0.15  # a baseline changes the noise, not the mean
    assert away[1] < away[0]


def test_how_hard_a_steps_images_are_does_not_move_reinforce() -> None:
    easy, hard = (Reinforce(make_prices(), None, 0.05, 0, batch=5) for _ in range(2))
    asked, accuracies = easy.ask(), [0.3, 0.5, 0.45, 0.2, 0.4]
    easy.tell(asked, [saying(accuracy=one + 0.4) for one in accuracies])
    hard.tell(hard.ask(), [saying(accuracy=one) for one in accuracies])
    assert easy.logits.grad is not None
    torch.testing.assert_close(easy.logits.grad, hard.logits.grad, atol=1e-6, rtol=1e-5)
    others = [0.3875, 0.3375, 0.35, 0.4125, 0.3625]
    fresh = Reinforce(make_prices(), None, 0.05, 0).gradient(asked, accuracies, others)
    torch.testing.assert_close(hard.logits.grad, fresh, atol=1e-6, rtol=1e-5)


def test_a_lone_networks_baseline_is_what_was_known_before() -> None:
    strategy = Reinforce(make_prices(), None, 0.05, 0, batch=1, decay=0.75)
    before = strategy.logits.clone()
    strategy.tell(strategy.ask(), [saying(accuracy=0.4)])
    assert torch.equal(strategy.logits, before)  # the first reward is its own baseline
    assert strategy.baseline == pytest.approx(0.4)
    (one,) = strategy.ask()
    strategy.tell([one], [saying(accuracy=0.8)])
    assert strategy.baseline == pytest.approx(0.75 * 0.4 + 0.25 * 0.8)
    p = torch.softmax(before, dim=1)
    chosen = torch.zeros_like(p).scatter_(1, torch.tensor(one.options)[:, None], 1.0)
    torch.testing.assert_close(strategy.logits.grad, (0.8 - 0.4) * (p - chosen))


def world(prices: Prices) -> tuple[torch.Tensor, torch.Generator]:
    """Dearer blocks are better, less and less so: without a cost the search would take them."""
    noise = torch.Generator().manual_seed(5)
    rows = prices.slopes(prices.alive.double())
    return 0.02 * torch.rand(rows.shape, generator=noise) * rows.sqrt(), noise


@pytest.mark.parametrize(("kind", "loss"), [
    (TwoPaths, "add"), (TwoPaths, "mul-log"), (AllPaths, "add"), (Reinforce, "add")
])  # fmt: skip
@pytest.mark.slow
@pytest.mark.parametrize("place", [0.25, 0.5, 0.75])
def test_the_expected_cost_is_driven_to_the_budget(kind, loss, place: float) -> None:
    prices = make_prices()
    budget = prices.least + place * (prices.most - prices.least)
    strategy = kind(prices, make_objective(budget, loss), 0.05, 7)
    worth, noise = world(prices)
    seen: list[float] = []
    for _ in range(800):
        asked = strategy.ask()
        told = []
        for choices in asked:
            rows = torch.tensor(choices.options)[:, None]
            accuracy = 0.5 + float(worth.gather(1, rows).sum())
            slopes = None
            if choices.closed is not None:
                order = order_of(choices, prices.alive.shape[1] if kind is AllPaths else None)
                slopes = 0.02 * torch.randn(order.shape, generator=noise) - worth.gather(1, order)
            told.append(saying(0.5, accuracy, slopes))
        strategy.tell(asked, told)
        seen.append(strategy.expected_cost())
    assert np.mean(seen[-200:]) == pytest.approx(budget, rel=0.1)
    assert prices.of(strategy.best().options) <= budget


def test_without_a_budget_to_meet_the_weight_stays_and_the_likeliest_network_wins() -> None:
    strategy = make(must_meet=False, budget=4.0)
    (choices,) = strategy.ask()
    strategy.tell([choices], [saying(slopes=slopes_for(choices, 0))])
    assert strategy.objective is not None and strategy.objective.weight == 0.3
    scramble(strategy)
    assert strategy.best().options == tuple(strategy.logits.argmax(dim=1).tolist())
    assert strategy.prices.of(strategy.best().options) > 4.0


@pytest.mark.parametrize("kind", [TwoPaths, AllPaths, Reinforce])
def test_a_restored_strategy_continues_as_if_never_stopped(kind) -> None:
    first, second = (kind(make_prices(), make_objective(), 0.05, 7) for _ in range(2))

    def advance(strategy, steps: int) -> None:
        for step in range(steps):
            asked = strategy.ask()
            told = [
                saying(0.7, 0.1 * number, None if c.closed is None else slopes_for(c, step))
                for number, c in enumerate(asked)
            ]
            strategy.tell(asked, told)

    advance(first, 10)
    second.restore(first.state())
    advance(first, 10)
    advance(second, 10)
    assert torch.equal(first.logits, second.logits)
    assert first.told() == second.told()
    assert first.ask() == second.ask()
