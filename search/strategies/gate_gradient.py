"""ProxylessNAS-G: learn path probabilities from the slopes at binary gates (Cai et al. 2019)."""

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, optim

from search.choices import Choices, Evidence
from search.derive import most_likely
from search.objective import Objective


class GateGradient:
    """Two paths are sampled per edge; their logits move, every other path keeps its probability.

    Notation of the paper: logits a, p = softmax(a), gates g one-hot. With the pair's own
    q = softmax(a_pair), slopes b_j = dL/dg_j and prices T_j, the pair's gradient is
        dL/da_i = q_i (b_i - sum_j q_j b_j)          (eq. 4; the task)
        dE/da_i = q_i (T_i - sum_j q_j T_j)          (eq. 5; the expected cost)
    joined by the objective's two factors. Adam has beta1 = 0, so a logit that was not sampled does
    not move; after a step the pair is shifted back so that its joint probability is unchanged.

    `prices` holds one array per knob, `fixed` what every network pays, both in the objective's
    unit. All chance comes from one generator seeded with `seed`.
    """

    def __init__(
        self,
        prices: list[np.ndarray],
        fixed: float,
        objective: Objective,
        lr: float,
        seed: int,
    ) -> None:
        self.objective = objective
        self.fixed = fixed
        width = max(len(row) for row in prices)
        self.prices = torch.zeros(len(prices), width, dtype=torch.float64)
        self.logits = torch.full((len(prices), width), -torch.inf, dtype=torch.float64)
        for row, values in enumerate(prices):
            self.prices[row, : len(values)] = torch.from_numpy(values)
            self.logits[row, : len(values)] = 0.0
        self.optimizer = optim.Adam([self.logits], lr=lr, betas=(0.0, 0.999))
        self.generator = torch.Generator().manual_seed(seed)

    def probabilities(self) -> Tensor:
        """p [knobs, options]; 0 where a knob has fewer options."""
        return torch.softmax(self.logits, dim=1)

    def expected_cost(self) -> float:
        """E = fixed + sum over knobs of sum_i p_i T_i, in the objective's unit."""
        return self.fixed + float((self.probabilities() * self.prices).sum())

    def cost(self, choices: Choices) -> float:
        """The cost of one network, in the objective's unit."""
        rows = torch.arange(len(choices.options))
        return self.fixed + float(self.prices[rows, torch.tensor(choices.options)].sum())

    def entropy(self) -> float:
        """Mean entropy of a knob, in nats."""
        p = self.probabilities()
        return float(-torch.xlogy(p, p).sum(dim=1).mean())

    def sample(self) -> Choices:
        """One path per edge, drawn from p: what a weight step trains."""
        drawn = torch.multinomial(self.probabilities(), 1, generator=self.generator)
        return Choices(tuple(drawn[:, 0].tolist()))

    def ask(self) -> Choices:
        """Two different paths per edge drawn from p, one of them active by the pair's q."""
        pair = torch.multinomial(self.probabilities(), 2, generator=self.generator)
        q = torch.softmax(self.logits.gather(1, pair), dim=1)
        active = torch.multinomial(q, 1, generator=self.generator)
        options, rivals = pair.gather(1, active), pair.gather(1, 1 - active)
        return Choices(tuple(options[:, 0].tolist()), tuple(rivals[:, 0].tolist()))

    def tell(self, choices: Choices, evidence: Evidence) -> None:
        """Pull slopes and prices through the softmax, step, restore the pair's mass."""
        assert evidence.slopes is not None and choices.rivals is not None
        expected = self.expected_cost()
        pair = torch.tensor([choices.options, choices.rivals]).T
        before = self.logits.gather(1, pair)
        task, cost = self.objective.factors(float(evidence.loss), expected)
        q = torch.softmax(before, dim=1)
        slopes = task * evidence.slopes.double() + cost * self.prices.gather(1, pair)
        gradient = q * (slopes - (q * slopes).sum(dim=1, keepdim=True))
        self.logits.grad = torch.zeros_like(self.logits).scatter_(1, pair, gradient)
        self.optimizer.step()
        after = self.logits.gather(1, pair)
        shift = torch.logsumexp(after, 1, keepdim=True) - torch.logsumexp(before, 1, keepdim=True)
        self.logits.scatter_(1, pair, after - shift)
        self.objective.adapt(expected)

    def best(self) -> Choices:
        """The most probable network whose cost meets the target from below, as near as may be."""
        log_p = torch.log_softmax(self.logits, dim=1)
        rows = [row[torch.isfinite(row)].numpy() for row in log_p]
        prices = [row[: len(kept)].numpy() for row, kept in zip(self.prices, rows, strict=True)]
        low, high = self.objective.band()
        return Choices(most_likely(rows, prices, low - self.fixed, high - self.fixed))

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "logits": self.logits.clone(),
            "adam": copy.deepcopy(self.optimizer.state_dict()),
            "generator": self.generator.get_state(),
            "objective": self.objective.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self.logits.copy_(state["logits"])
        self.optimizer.load_state_dict(state["adam"])
        self.generator.set_state(state["generator"])
        self.objective.restore(state["objective"])
