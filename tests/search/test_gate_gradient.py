"""Laws of the gate gradient: slopes are autograd's, and only what was sampled moves."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from proxyless_nas import Space, named_space
from search.choices import Choices, Evidence
from search.evaluators import SharedWeights
from search.objective import CostLoss, Objective
from search.strategies import GateGradient
from search.supernet import Supernet
from training.batch_norm import batch_norms, unrecorded
from training.optimizer import sgd

SPACE = named_space("smoke")
KNOBS = len(SPACE.searched)


def make_supernet(space: Space = SPACE, seed: int = 0) -> Supernet:
    torch.manual_seed(seed)
    return Supernet(space)


def make_batch(size: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(size, 1, 28, 28, generator=generator)
    return x, torch.randint(0, 10, (size,), generator=generator)


def make_strategy(
    weight: float = 0.3, target: float = 12.0, loss: CostLoss = "add"
) -> GateGradient:
    generator = np.random.default_rng(0)
    counts = [len(SPACE.edges[edge].candidates) for edge in SPACE.searched]
    prices = [generator.uniform(1.0, 6.0, size=count) for count in counts]
    return GateGradient(prices, 3.0, Objective(target, 0.05, loss, weight), lr=0.05, seed=7)


def explicit_gates(supernet: Supernet, x: torch.Tensor, gates: list[torch.Tensor]) -> torch.Tensor:
    """y = sum_j g_j o_j over all candidates, written out: what the paper's gates mean."""
    x = supernet.stem(x)
    searched = {edge: knob for knob, edge in enumerate(SPACE.searched)}
    for index, candidates in enumerate(supernet.edges):
        outputs = [candidate(x) for candidate in candidates]  # pyright: ignore
        if index in searched:
            gate = gates[searched[index]]
            x = torch.stack([g * o for g, o in zip(gate, outputs, strict=True)]).sum(0)
        else:
            x = outputs[0]
    return supernet.classifier(supernet.mix(x))


@pytest.mark.parametrize("seed", range(4))
def test_slopes_equal_autograd_through_explicit_gates(seed: int) -> None:
    supernet, (x, y) = make_supernet(seed=seed).double(), make_batch()
    x = x.double()
    strategy = make_strategy()
    strategy.generator.manual_seed(seed)
    choices = strategy.ask()
    assert choices.rivals is not None
    counts = [len(SPACE.edges[edge].candidates) for edge in SPACE.searched]
    gates = [
        F.one_hot(torch.tensor(option), count).double().requires_grad_()
        for option, count in zip(choices.options, counts, strict=True)
    ]
    with unrecorded(batch_norms(supernet)):
        loss = F.cross_entropy(explicit_gates(supernet, x, gates), y)
    truth = torch.autograd.grad(loss, gates)
    evidence = SharedWeights(supernet, sgd(supernet, 0.1, 0.9, 0.0)).evaluate(choices, (x, y))
    assert evidence.slopes is not None
    torch.testing.assert_close(evidence.loss, loss.detach())
    for knob, (option, rival) in enumerate(zip(choices.options, choices.rivals, strict=True)):
        expected = torch.stack([truth[knob][option], truth[knob][rival]])
        torch.testing.assert_close(evidence.slopes[knob].double(), expected, rtol=1e-5, atol=1e-7)


def test_the_path_through_the_supernet_is_the_extracted_network() -> None:
    supernet, (x, _) = make_supernet().eval(), make_batch()
    strategy = make_strategy()
    for _ in range(5):
        options = strategy.sample().options
        torch.testing.assert_close(supernet(x, options), supernet.extract(options).eval()(x))


def test_a_weight_step_leaves_everything_off_the_path_bit_identical() -> None:
    supernet, batch = make_supernet(), make_batch()
    optimizer = sgd(supernet, 0.1, 0.9, 1e-2)
    evaluator = SharedWeights(supernet, optimizer)
    strategy = make_strategy()
    for _ in range(3):
        evaluator.learn(strategy.sample, batch)
    before = {key: value.clone() for key, value in supernet.state_dict().items()}
    momentum = {
        name: optimizer.state[p]["momentum_buffer"].clone()
        for name, p in supernet.named_parameters()
        if p in optimizer.state
    }
    path = strategy.sample()
    evaluator.learn(lambda: path, batch)
    on_path = {f"edges.{e}.{o}." for e, o in zip(SPACE.searched, path.options, strict=True)}
    searched = tuple(f"edges.{edge}." for edge in SPACE.searched)
    moved = 0
    for key, value in supernet.state_dict().items():
        off = key.startswith(searched) and not key.startswith(tuple(on_path))
        if off:
            assert torch.equal(value, before[key]), key
        else:
            moved += int(not torch.equal(value, before[key]))
    assert moved > 0
    for name, p in supernet.named_parameters():
        if name.startswith(searched) and not name.startswith(tuple(on_path)):
            if name in momentum:
                assert torch.equal(optimizer.state[p]["momentum_buffer"], momentum[name])
            else:
                assert p not in optimizer.state


def test_an_architecture_step_changes_no_weight_and_no_statistic() -> None:
    supernet, batch = make_supernet(), make_batch()
    evaluator = SharedWeights(supernet, sgd(supernet, 0.1, 0.9, 0.0))
    before = {key: value.clone() for key, value in supernet.state_dict().items()}
    evaluator.evaluate(make_strategy().ask(), batch)
    for key, value in supernet.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert all(p.grad is None for p in supernet.parameters())


@pytest.mark.parametrize("loss", ["add", "mul-log"])
def test_the_logit_gradient_is_the_papers_formula(loss) -> None:
    strategy = make_strategy(loss=loss)
    choices = strategy.ask()
    assert choices.rivals is not None
    slopes = torch.randn(KNOBS, 2, generator=torch.Generator().manual_seed(3)).double()
    task, expected = 0.8, strategy.expected_cost()
    pair = torch.tensor([choices.options, choices.rivals]).T
    logits = strategy.logits.gather(1, pair).clone().requires_grad_()
    q = torch.softmax(logits, dim=1)
    # dL = f_task sum_j b_j dq_j + f_cost sum_j T_j dq_j, pulled through the softmax by autograd
    f_task, f_cost = strategy.objective.factors(task, expected)
    pulled = (q * (f_task * slopes + f_cost * strategy.prices.gather(1, pair))).sum()
    (truth,) = torch.autograd.grad(pulled, [logits])
    strategy.tell(choices, Evidence(torch.tensor(task), slopes))
    assert strategy.logits.grad is not None
    torch.testing.assert_close(strategy.logits.grad.gather(1, pair), truth)


def test_a_step_leaves_every_other_paths_probability_unchanged() -> None:
    strategy = make_strategy()
    for seed in range(20):
        choices = strategy.ask()
        assert choices.rivals is not None
        before = strategy.probabilities()
        slopes = torch.randn(KNOBS, 2, generator=torch.Generator().manual_seed(seed))
        strategy.tell(choices, Evidence(torch.tensor(1.0), slopes))
        after = strategy.probabilities()
        pair = torch.tensor([choices.options, choices.rivals]).T
        others = torch.ones_like(before, dtype=torch.bool).scatter_(1, pair, False)
        torch.testing.assert_close(after[others], before[others])
        assert not torch.equal(after, before)


def test_the_expected_cost_is_the_mean_over_all_networks() -> None:
    strategy = make_strategy()
    strategy.logits = torch.where(
        torch.isfinite(strategy.logits), torch.randn_like(strategy.logits), strategy.logits
    )
    p, mean = strategy.probabilities(), 0.0
    counts = [len(SPACE.edges[edge].candidates) for edge in SPACE.searched]
    for options in itertools.product(*[range(count) for count in counts]):
        chance = float(torch.stack([p[k, o] for k, o in enumerate(options)]).prod())
        mean += chance * strategy.cost(Choices(options))
    assert strategy.expected_cost() == pytest.approx(mean)


@pytest.mark.parametrize("loss", ["add", "mul-log"])
@pytest.mark.parametrize("place", [0.25, 0.5, 0.75])
def test_the_expected_cost_is_driven_to_the_target(loss, place: float) -> None:
    strategy = make_strategy(loss=loss)
    real = strategy.logits.isfinite()
    least = strategy.fixed + float(strategy.prices.where(real, torch.inf).amin(1).sum())
    most = strategy.fixed + float(strategy.prices.amax(1).sum())
    strategy.objective.target = target = least + place * (most - least)
    noise = torch.Generator().manual_seed(5)
    # dearer blocks are better, less and less so, knob by knob: without a cost term the search
    # would take the dearest; evidence is noisy
    worth = 0.02 * torch.rand(strategy.prices.shape, generator=noise) * strategy.prices.sqrt()
    seen: list[float] = []
    for _ in range(800):
        choices = strategy.ask()
        assert choices.rivals is not None
        pair = torch.tensor([choices.options, choices.rivals]).T
        slopes = 0.02 * torch.randn(pair.shape, generator=noise) - worth.gather(1, pair)
        strategy.tell(choices, Evidence(torch.tensor(0.5), slopes))
        seen.append(strategy.expected_cost())
    assert np.mean(seen[-200:]) == pytest.approx(target, rel=0.1)
    assert strategy.cost(strategy.best()) <= target


def test_a_restored_strategy_continues_as_if_never_stopped() -> None:
    first, second = make_strategy(), make_strategy()

    def advance(strategy: GateGradient, steps: int) -> None:
        for step in range(steps):
            slopes = torch.full((KNOBS, 2), 0.1 * step)
            slopes[:, 0] = 0.3
            strategy.tell(strategy.ask(), Evidence(torch.tensor(0.7), slopes))

    advance(first, 10)
    second.restore(first.state())
    advance(first, 10)
    advance(second, 10)
    assert torch.equal(first.logits, second.logits)
    assert first.objective.weight == second.objective.weight
    assert first.ask() == second.ask()
