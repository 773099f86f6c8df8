"""The parts of HAQ's agent: networks, memory, noise, and that they learn together."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Generator, nn

from search.ddpg import SEEN, Agent, Settings
from search.ddpg.memory import Memory
from search.ddpg.networks import Perceptron


def as_modules(widths: tuple[int, ...], vector: torch.Tensor) -> list[nn.Linear]:
    """The same layers of torch's kind, which keeps weights the other way round."""
    layers = [nn.Linear(before, after) for before, after in itertools.pairwise(widths)]
    sizes = [size for one in layers for size in (one.weight.numel(), one.out_features)]
    parts = iter(vector.clone().split(sizes))
    for one in layers:
        one.weight.data = next(parts).view(one.in_features, -1).t().contiguous()
        one.bias.data = next(parts)
    return layers


def as_vector(layers: list[nn.Linear]) -> torch.Tensor:
    parts = [part for one in layers for part in (one.weight.t().flatten(), one.bias)]
    return torch.cat(parts).detach()


def passed_on(layers: list[nn.Linear], x: torch.Tensor) -> torch.Tensor:
    for place, one in enumerate(layers):
        x = one(x.relu() if place else x)
    return x


def value(critic: list[nn.Linear], seen: torch.Tensor, done: torch.Tensor) -> torch.Tensor:
    return passed_on(critic, torch.cat([seen, done], dim=1))[:, 0]


def test_a_network_learns_as_autograd_and_adam_would_have_it() -> None:
    widths, chance = (5, 16, 12, 1), Generator().manual_seed(0)
    mine = Perceptron(widths, 1e-2, 0.1, chance)
    start = mine.state()["vector"]
    assert len(start.unique()) > 250 and abs(start).max() <= 1 / math.sqrt(5)
    layers, target = as_modules(widths, start), start.clone()
    adam = torch.optim.Adam([p for one in layers for p in one.parameters()], 1e-2)
    for _ in range(5):
        x = torch.rand(7, 5, generator=chance).requires_grad_()
        wanted = x.detach().sum(dim=1, keepdim=True)
        out = passed_on(layers, x)
        adam.zero_grad()
        (out - wanted).square().mean().backward()
        passed = mine.forward(x.detach())
        torch.testing.assert_close(passed[-1], out)
        torch.testing.assert_close(
            mine.target(x.detach()), passed_on(as_modules(widths, target), x)
        )
        slopes = 2 * (passed[-1] - wanted) / 7
        torch.testing.assert_close(mine.slopes_at_input(passed, slopes), x.grad)
        mine.learn(passed, slopes)
        adam.step()
        torch.testing.assert_close(mine.state()["vector"], as_vector(layers))
        torch.testing.assert_close(mine.state()["target"], target.lerp_(as_vector(layers), 0.1))


def test_an_update_is_that_of_the_paper_and_the_baseline_follows_the_rewards() -> None:
    settings = Settings(hidden=(8, 6), actor_lr=1e-2, critic_lr=2e-2, tau=0.3, discount=0.9)
    agent = Agent(settings, 3, 2, Generator().manual_seed(0))
    chance = Generator().manual_seed(1)
    seen, done = torch.rand(4, 3, 2, generator=chance), torch.rand(4, 3, generator=chance)
    rewards = torch.tensor([0.5, -1.0, 2.0, 0.1])  # 12 steps, fewer than a batch: all are drawn
    for episode in range(4):
        agent.memory.keep(seen[episode], done[episode], float(rewards[episode]))
    state = agent.state()
    actor, critic, slow_actor, slow_critic = (
        as_modules(widths, state[name][kind])
        for kind in ("vector", "target")
        for name, widths in (("actor", (2, 8, 6, 1)), ("critic", (3, 8, 6, 1)))
    )
    adams = [
        torch.optim.Adam([p for one in layers for p in one.parameters()], lr)
        for layers, lr in ((actor, 1e-2), (critic, 2e-2))
    ]
    for _ in range(3):
        told = agent.learn()
        assert agent.baseline == pytest.approx(0.4)  # the mean reward of every batch
        x, a = seen.flatten(0, 1), done.flatten()[:, None]
        then, goes_on = seen.roll(-1, 1).flatten(0, 1), torch.tensor([1.0, 1.0, 0.0]).repeat(4)
        with torch.no_grad():
            later = value(slow_critic, then, passed_on(slow_actor, then).sigmoid())
            y = rewards.repeat_interleave(3) - 0.4 + 0.9 * goes_on * later
        losses = (
            lambda x=x, a=a, y=y: (value(critic, x, a) - y).square().mean(),
            lambda x=x: -value(critic, x, passed_on(actor, x).sigmoid()).mean(),
        )
        assert told == pytest.approx(float(losses[0]().detach()), rel=1e-4)
        for loss, adam in zip(losses, reversed(adams), strict=True):
            for one in adams:
                one.zero_grad()
            loss().backward()
            adam.step()
        for slow, fast in ((slow_actor, actor), (slow_critic, critic)):
            for mine, its in zip(slow, fast, strict=True):
                mine.weight.data.lerp_(its.weight.data, 0.3)
                mine.bias.data.lerp_(its.bias.data, 0.3)
    found = agent.state()
    for kind, layers in (("vector", (critic, actor)), ("target", (slow_critic, slow_actor))):
        for name, its in zip(("critic", "actor"), layers, strict=True):
            torch.testing.assert_close(found[name][kind], as_vector(its), rtol=1e-3, atol=1e-5)


def test_the_critic_and_the_actor_come_to_know_what_is_best_at_every_step() -> None:
    settings = Settings(hidden=(32, 32), actor_lr=3e-3, critic_lr=1e-2, tau=0.1, memory=200)
    agent = Agent(settings, 3, 2, Generator().manual_seed(0))
    chance = np.random.default_rng(0)
    seen = np.array([[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]])
    for _ in range(200):  # 0.9 is best at first, 0.2 at last; what is between does not count
        done = chance.random(3)
        reward = -((done[0] - 0.9) ** 2) - (done[2] - 0.2) ** 2
        agent.memory.keep(torch.tensor(seen).float(), torch.tensor(done).float(), reward)
    for _ in range(500):
        assert math.isfinite(agent.learn())
    assert agent.act(seen[0]) == pytest.approx(0.9, abs=0.12)
    assert agent.act(seen[2]) == pytest.approx(0.2, abs=0.12)


def test_the_memory_forgets_the_oldest_and_draws_each_step_once() -> None:
    memory, chance = Memory(3, 4, 2), Generator().manual_seed(0)
    for episode in range(5):
        seen = torch.arange(8.0).view(4, 2) + 100 * episode
        memory.keep(seen, torch.arange(4.0) / 10, float(episode))
        batch = memory.draw(99, chance)
        assert len(batch.reward) == 4 * min(episode + 1, 3)
        assert len(batch.seen_and_done.unique(dim=0)) == len(batch.reward)
        assert set(batch.reward[:, 0].tolist()) == set(range(max(0, episode - 2), episode + 1))
        last = batch.goes_on[:, 0] == 0
        assert last.sum() * 4 == len(last)
        torch.testing.assert_close(batch.then[~last], batch.seen[~last] + 2)
        torch.testing.assert_close(
            batch.seen_and_done[last, 2], torch.full((int(last.sum()),), 0.3)
        )
    assert len(memory.draw(5, chance).reward) == 5


def test_noise_is_cut_to_the_range_and_fades() -> None:
    agent = Agent(Settings(), 1, SEEN, Generator().manual_seed(3))
    seen = np.zeros(SEEN)
    mean = agent.act(seen)
    wide = [agent.explore(seen, 0.5) for _ in range(400)]
    assert 0 <= min(wide) < 0.1 and 0.9 < max(wide) <= 1
    near = [agent.explore(seen, 0.01) for _ in range(400)]
    assert np.mean(near) == pytest.approx(mean, abs=0.005)
    assert np.std(near) == pytest.approx(0.01, rel=0.2)
    assert agent.explore(seen, 1e-6) == pytest.approx(mean, abs=1e-4)
    settings = Settings()
    assert settings.sigma(20) == 0.5 and settings.sigma(120) == pytest.approx(0.5 * 0.99**100)
