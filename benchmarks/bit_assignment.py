"""How fast and how well are bits assigned? Ours beside HiGHS, HAQ's agent beside a plain one.

Assigning: made-up networks of 54 layers, sizes and sensitivities log-normal, a loss of s 4^-bits
per layer; 7 weight widths that are priced by their size, or 49 pairs of widths that are priced by
what a bit-serial array takes; budgets anywhere between the least and the most. Ours and HiGHS (to
the end, without a gap) solve the same instances in turn. Learning: an update of critic, actor and
targets, of ours and of an implementation as one writes it down (modules, `backward`, `optim.Adam`,
a loop over parameters for the targets), from the same memory, interleaved in shuffled rounds.
Times are CPU time of the process.
"""

import copy
import os
import random
import statistics
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from msgspec import Struct
from torch import nn, optim

from proxyless_nas.command import Command, run_one
from search.ddpg import SEEN, Agent, Settings
from search.knapsack import Rows, solve
from search.knapsack.exact import solve_exactly

LAYERS, STEPS = 54, 108
BITS = np.arange(2.0, 9.0)
T = TypeVar("T")
Make = Callable[[np.random.Generator], tuple[Rows, Rows]]


class BitsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compare the speed and the answers of what assigns bits to layers."""

    instances: int = 20
    """Made-up networks of each kind."""
    rounds: int = 10
    """Timed rounds of updates."""
    updates: int = 50
    """Updates per round and implementation."""
    seed: int = 0
    """Seed of everything made up."""
    threads: int = 1
    """CPU threads of the updates."""


class Plain(nn.Module):
    """Three linear layers, of one or several inputs that are summed, as in HAQ's release."""

    def __init__(self, *inputs: int) -> None:
        super().__init__()
        self.first = nn.ModuleList(nn.Linear(width, 300) for width in inputs)
        self.second, self.third = nn.Linear(300, 300), nn.Linear(300, 1)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        first = [layer(x) for layer, x in zip(self.first, inputs, strict=True)]
        x = F.relu(first[0] if len(first) == 1 else first[0] + first[1])
        return self.third(F.relu(self.second(x)))


class PlainAgent:
    """The same update as `Agent.learn`, without any thought of time."""

    def __init__(self, agent: Agent) -> None:
        self.memory, self.settings, self.generator = agent.memory, agent.settings, agent.generator
        self.actor, self.critic = Plain(SEEN), Plain(SEEN, 1)
        self.targets = copy.deepcopy(self.actor), copy.deepcopy(self.critic)
        self.actor_adam = optim.Adam(self.actor.parameters(), lr=self.settings.actor_lr)
        self.critic_adam = optim.Adam(self.critic.parameters(), lr=self.settings.critic_lr)
        self.baseline = 0.0

    def learn(self) -> float:
        """Critic, actor, targets."""
        batch = self.memory.draw(self.settings.batch_size, self.generator)
        seen, done = batch.seen_and_done[:, :-1], batch.seen_and_done[:, -1:]
        self.baseline += self.settings.baseline_rate * (batch.reward.mean().item() - self.baseline)
        with torch.no_grad():
            action = torch.sigmoid(self.targets[0](batch.then))
            later = batch.goes_on * self.targets[1](batch.then, action)
            wanted = batch.reward - self.baseline + self.settings.discount * later
        self.critic.zero_grad()
        loss = F.mse_loss(self.critic(seen, done), wanted)
        loss.backward()
        self.critic_adam.step()
        self.actor.zero_grad()
        (-self.critic(seen, torch.sigmoid(self.actor(seen))).mean()).backward()
        self.actor_adam.step()
        tau = self.settings.tau
        for target, network in zip(self.targets, (self.actor, self.critic), strict=True):
            for slow, fast in zip(target.parameters(), network.parameters(), strict=True):
                slow.data.copy_((1 - tau) * slow.data + tau * fast.data)
        return loss.item()


def sizes(chance: np.random.Generator) -> tuple[Rows, Rows]:
    """Weight widths, priced in bytes."""
    s, weights = np.exp(chance.normal(0, 1.5, LAYERS)), np.exp(chance.normal(10, 1.2, LAYERS))
    return list(s[:, None] * 4.0**-BITS), list(np.round(weights)[:, None] * BITS / 8)


def cycles(chance: np.random.Generator) -> tuple[Rows, Rows]:
    """Pairs of widths: the longest of computing, reading weights and reading activations."""
    w, a = (axis.ravel() for axis in np.meshgrid(BITS, BITS, indexing="ij"))
    s = np.exp(chance.normal(0, 1.5, (2, LAYERS, 1)))
    macs, weights, features = np.exp(chance.normal([[0], [2], [2]], 1, (3, LAYERS)))[..., None]
    prices = np.maximum(np.maximum(macs * w * a, weights * w), features * a)
    return list(s[0] * 4.0**-w + s[1] * 4.0**-a), list(prices)


def timed(act: Callable[..., T], *given: Any) -> tuple[float, T]:
    """CPU milliseconds of one call, and its answer."""
    start = time.process_time_ns()
    answer = act(*given)
    return (time.process_time_ns() - start) / 1e6, answer


def assign(name: str, make: Make, config: BitsConfig) -> None:
    """Print one row: times, their ratio, and how much more than the least our answers lose."""
    ours: list[float] = []
    exact: list[float] = []
    gaps: list[float] = []
    for instance in range(config.instances):
        chance = np.random.default_rng([config.seed, instance])
        losses, prices = make(chance)
        least, most = (sum(float(end(row)) for row in prices) for end in (np.min, np.max))
        budget = least + chance.uniform(0.05, 0.9) * (most - least)
        spent, found = timed(solve, losses, prices, budget)
        ours.append(spent)
        spent, truth = timed(solve_exactly, losses, prices, budget)
        exact.append(spent)
        assert max(found.price, truth.price) <= budget
        gaps.append(100 * (found.loss / truth.loss - 1))
    print(f"{row(name, ours, exact)} {spread(gaps, 4)}", flush=True)


def learn(config: BitsConfig) -> None:
    """Print one row: times of an update, and their ratio."""
    generator, order = torch.Generator().manual_seed(config.seed), random.Random(config.seed)
    agent = Agent(Settings(), STEPS, SEEN, generator)
    for _ in range(agent.settings.memory):
        seen, done = torch.rand(STEPS, SEEN + 1, generator=generator).split((SEEN, 1), dim=1)
        agent.memory.keep(seen, done[:, 0], float(done.mean()))
    both: list[Agent | PlainAgent] = [agent, PlainAgent(agent)]
    found: tuple[list[float], list[float]] = ([], [])
    for one in both:
        one.learn()  # untimed: kernels are chosen, moments are made
    for _ in range(config.rounds):
        for place in order.sample((0, 1), 2):
            spent = sum(timed(both[place].learn)[0] for _ in range(config.updates))
            found[place].append(spent / config.updates)
    print(row("an update of the agent", *found))


def row(name: str, ours: list[float], theirs: list[float]) -> str:
    """Times, and how many times ours is faster."""
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    return f"{name:<24} {spread(ours):<22} {spread(theirs):<24} {spread(ratios):<24}"


def spread(values: list[float], digits: int = 2) -> str:
    """Median, and from where to where."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main(config: BitsConfig) -> None:
    """Measure and print one table."""
    torch.set_num_threads(config.threads)
    print(
        f"{LAYERS} layers, {config.instances} instances; {config.rounds} rounds of "
        f"{config.updates} updates, widths 300 and 300, batch 64, {config.threads} thread(s); load "
        f"average {os.getloadavg()[0]:.1f}; median (min to max)"
    )
    print(f"{'':<24} {'ours, ms':<22} {'HiGHS or plain, ms':<24} {'ratio':<24} more lost, %")
    assign("7 widths, by size", sizes, config)
    assign("49 pairs, by cycles", cycles, config)
    learn(config)


if __name__ == "__main__":
    run_one("python -m benchmarks.bit_assignment", Command(BitsConfig, main))
