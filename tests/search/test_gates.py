"""Laws of binary gates: slopes are autograd's, whatever was kept, and only what was asked runs."""

import pytest
import torch
import torch.nn.functional as F

from proxyless_nas import Space
from search.choices import Choices
from search.evaluators import SharedWeights
from search.evaluators.shared_weights import SupernetFormat
from search.gates import Keep
from search.strategies import AllPaths, TwoPaths
from search.strategies.gate_gradient import order_of
from search.supernet import Supernet, Widths
from tests.search.helpers import SPACE, TREES, WIDE, make_batch, make_prices, make_supernet
from training.batch_norm import batch_norms, unrecorded
from training.optimizer import sgd

MODES: list[tuple[type[TwoPaths], Keep]] = [
    (TwoPaths, "outputs"), (TwoPaths, "inputs"), (AllPaths, "outputs"), (AllPaths, "inputs")
]  # fmt: skip


def judge(supernet: Supernet, keep: Keep = "outputs") -> SharedWeights:
    return SharedWeights(supernet, sgd(supernet, 0.1, 0.9, 1e-2), keep)


def explicit_slopes(
    supernet: Supernet, options: tuple[int, ...], batch: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Loss, and dL/dg of every gate of y = sum_j g_j o_j, written out: what the paper means."""
    gates = [
        F.one_hot(torch.tensor(option), count).double().requires_grad_()
        for option, count in zip(options, supernet.space.counts, strict=True)
    ]
    for decision, gate in zip(supernet.decisions.values(), gates, strict=True):

        def mixed(x: torch.Tensor, parts=decision.candidates, gate=gate) -> torch.Tensor:
            return torch.stack([g * part(x) for g, part in zip(gate, parts, strict=True)]).sum(0)

        def narrowed(x: torch.Tensor, edge: int, gate=gate) -> torch.Tensor:
            every = torch.arange(x.shape[1])[:, None, None]
            kept = [every < way[edge] for way in supernet.space.widths]
            return torch.stack([g * x * k for g, k in zip(gate, kept, strict=True)]).sum(0)

        if isinstance(decision, Widths):
            decision.narrow = narrowed
        else:
            decision.forward = mixed
    with unrecorded(batch_norms(supernet)):
        loss = F.cross_entropy(supernet(batch[0], options), batch[1])
    return loss.detach(), list(torch.autograd.grad(loss, gates))


@pytest.mark.parametrize(("strategy", "keep"), MODES)
@pytest.mark.parametrize("space", [SPACE, TREES, WIDE], ids=["mobile", "trees", "wide"])
@pytest.mark.parametrize("seed", range(2))
def test_slopes_equal_autograd_through_explicit_gates(
    space: Space, strategy: type[TwoPaths], keep: Keep, seed: int
) -> None:
    x, y = make_batch(space)
    (choices,) = strategy(make_prices(space), None, 0.1, seed).ask()
    seen = judge(make_supernet(space, seed).double(), keep).evaluate(choices, (x.double(), y))
    loss, truth = explicit_slopes(
        make_supernet(space, seed).double(), choices.options, (x.double(), y)
    )
    assert seen.slopes is not None and choices.closed is not None
    torch.testing.assert_close(seen.loss, loss, check_dtype=False)
    for knob, closed in enumerate(choices.closed):
        asked = [choices.options[knob], *closed]
        torch.testing.assert_close(
            seen.slopes[knob, : len(asked)].double(), truth[knob][asked], rtol=1e-5, atol=1e-7
        )
        assert not seen.slopes[knob, len(asked) :].any()


def test_slopes_in_half_precision_are_the_same_whatever_was_kept() -> None:
    (choices,) = AllPaths(make_prices(), None, 0.1, seed=3).ask()
    batch = make_batch(size=32)
    kinds: list[tuple[Keep, SupernetFormat]] = [
        ("outputs", "float32"), ("outputs", "bf16"), ("inputs", "bf16")
    ]  # fmt: skip
    exact, *rough = [
        SharedWeights(
            supernet := make_supernet(), sgd(supernet, 0.1, 0.9, 0.0), keep, precision=precision
        ).evaluate(choices, batch)
        for keep, precision in kinds
    ]
    assert exact.slopes is not None and rough[0].slopes is not None
    assert rough[1].slopes is not None
    torch.testing.assert_close(rough[0].slopes, rough[1].slopes)
    alike = torch.cosine_similarity(exact.slopes.flatten(), rough[0].slopes.flatten(), dim=0)
    assert 0.9 < alike < 1 - 1e-6  # rounded, but the same direction


def test_the_order_of_slopes_names_every_option_once() -> None:
    prices = make_prices()
    (choices,) = AllPaths(prices, None, 0.1, seed=0).ask()
    order = order_of(choices, prices.alive.shape[1])
    assert torch.equal(order.sort(dim=1).values[0], torch.arange(prices.alive.shape[1]))
    assert order[:, 0].tolist() == list(choices.options)


def test_a_judgement_without_slopes_runs_the_path_alone() -> None:
    supernet, batch = make_supernet(), make_batch()
    ran: list[str] = []
    for name, decision in supernet.decisions.items():
        for index, part in enumerate(decision.candidates):
            part.register_forward_hook(lambda *_, at=(name, index): ran.append(str(at)))
    options = (1,) * len(SPACE.counts)
    judge(supernet).evaluate(Choices(options), batch)
    assert ran == [str((name, 1)) for name in supernet.decisions]


@pytest.mark.parametrize(("strategy", "keep"), MODES)
def test_an_architecture_step_changes_no_weight_and_no_statistic(
    strategy: type[TwoPaths], keep: Keep
) -> None:
    supernet = make_supernet()
    before = {key: value.clone() for key, value in supernet.state_dict().items()}
    judge(supernet, keep).evaluate(strategy(make_prices(), None, 0.1, 0).ask()[0], make_batch())
    for key, value in supernet.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert all(p.grad is None for p in supernet.parameters())
