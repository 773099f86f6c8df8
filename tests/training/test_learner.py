"""Laws of one step: how it is cut does not matter, its chance is its own, what follows follows."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from tests.training.learning import images, learner, plain_network


def parameters(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def cut(count: int, passes: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    x, y = images(count)
    return list(zip(x.chunk(passes), y.chunk(passes), strict=True))


@pytest.mark.parametrize("passes", [2, 4])
def test_a_step_in_several_passes_is_the_step_in_one(passes: int) -> None:
    whole, parts = learner(), learner(passes=passes)
    for step in range(3):
        losses = whole.step(step, cut(16, 1)), parts.step(step, cut(16, passes))
        torch.testing.assert_close(*losses)
    torch.testing.assert_close(parameters(whole.network), parameters(parts.network))


def test_the_chance_of_a_step_depends_on_its_number_and_the_seed_only() -> None:
    def loss(step: int, seed: int, before: int = 0) -> float:
        network = plain_network()
        network[3].p = 0.5  # pyright: ignore[reportIndexIssue]
        one = learner(network, seed=seed)
        torch.rand(before)
        return float(one.step(step, cut(8, 1)))

    assert loss(4, 3) == loss(4, 3, before=100)
    assert len({loss(4, 3), loss(5, 3), loss(4, 2)}) == 3


def test_the_average_follows_the_weights_with_its_decay() -> None:
    one, expected = learner(ema=0.8), None
    for step in range(5):
        one.step(step, cut(8, 1))
        now = parameters(one.network)
        expected = now if expected is None else 0.8 * expected + 0.2 * now
    assert expected is not None
    torch.testing.assert_close(parameters(one.result), expected)
    assert not torch.allclose(parameters(one.result), parameters(one.network))


def test_the_average_copies_what_is_no_measure() -> None:
    """Averaged indices would point elsewhere."""
    network = plain_network()
    order = torch.tensor([7, 3, 1000003])
    network.register_buffer("order", order.clone())
    one = learner(network, ema=0.999)
    for step in range(4):
        one.step(step, cut(8, 1))
    assert torch.equal(one.result.get_buffer("order"), order)


def test_gradients_are_scaled_down_to_the_norm_and_never_up() -> None:
    def norm(clip: float | None) -> float:
        one = learner(clip_norm=clip)
        one.step(0, cut(8, 1))
        return float(torch.cat([p.grad.flatten() for p in one.network.parameters()]).norm())  # pyright: ignore

    free = norm(None)
    assert norm(free / 2) == pytest.approx(free / 2, rel=1e-4)
    assert norm(free * 2) == pytest.approx(free, rel=1e-4)


def test_a_restored_learner_goes_on_as_the_one_it_was() -> None:
    one, other = learner(ema=0.9), learner(ema=0.9)
    for step in range(3):
        one.step(step, cut(8, 1))
    other.restore(deepcopy(one.state()))
    for step in range(3, 6):
        assert torch.equal(one.step(step, cut(8, 1)), other.step(step, cut(8, 1)))
    assert torch.equal(parameters(one.result), parameters(other.result))


def test_half_precision_learns_nearly_the_same() -> None:
    exact, rough = learner(), learner(precision="bf16")
    losses = [[float(one.step(step, cut(32, 1))) for step in range(10)] for one in (exact, rough)]
    assert losses[1] != losses[0]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    assert all(p.dtype == torch.float32 for p in rough.network.parameters())


def test_a_weight_that_is_no_number_is_not_sound() -> None:
    one = learner()
    assert one.sound()
    with torch.no_grad():
        next(iter(one.network.parameters())).view(-1)[3] = torch.nan
    assert not one.sound()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, about torch
def test_a_compiled_network_learns_the_same() -> None:
    plain, compiled = learner(), learner(compile=True)
    for step in range(2):
        losses = plain.step(step, cut(8, 1)), compiled.step(step, cut(8, 1))
        torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-5)
    assert compiled.network.state_dict().keys() == plain.network.state_dict().keys()
