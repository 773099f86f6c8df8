"""ProxylessNAS-G: learn path probabilities from the slopes at binary gates (Cai et al. 2019)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from search.choices import Choices, Evidence
from search.strategies.distribution import PathDistribution


class TwoPaths(PathDistribution):
    """Two paths are sampled per knob; their logits move, every other path keeps its probability.

    Notation of the paper: logits a, p = softmax(a), gates g one-hot. With the pair's own
    q = softmax(a_pair), slopes b_j = dL/dg_j and prices T_j, the pair's gradient is
        dL/da_i = q_i (b_i - sum_j q_j b_j)          (eq. 4; the task)
        dE/da_i = q_i (T_i - sum_j q_j T_j)          (eq. 5; the expected cost)
    joined by the objective's two factors. After a step the pair is shifted back so that its joint
    probability is unchanged (section 3.2.1).
    """

    def ask(self) -> tuple[Choices]:
        """Two different paths per knob drawn from p, one of them open by the pair's q."""
        pair = torch.multinomial(self.probabilities(), 2, generator=self.generator)
        q = torch.softmax(self.logits.gather(1, pair), dim=1)
        first = torch.multinomial(q, 1, generator=self.generator)
        opened, closed = pair.gather(1, first), pair.gather(1, 1 - first)
        return (
            Choices(
                tuple(opened[:, 0].tolist()), tuple((option,) for option in closed[:, 0].tolist())
            ),
        )

    def tell(self, asked: Sequence[Choices], evidence: Sequence[Evidence]) -> None:
        """Pull slopes and prices through the softmax, step, restore the pair's mass."""
        (choices,), (seen,) = asked, evidence
        order = order_of(choices)
        before = self.logits.gather(1, order)
        gradient = self._gradient(torch.softmax(before, dim=1), order, seen)
        self.step(torch.zeros_like(self.logits).scatter_(1, order, gradient))
        after = self.logits.gather(1, order)
        shift = torch.logsumexp(after, 1, keepdim=True) - torch.logsumexp(before, 1, keepdim=True)
        self.logits.scatter_(1, order, after - shift)

    def _gradient(self, q: Tensor, order: Tensor, seen: Evidence) -> Tensor:
        """dL/da of the options in `order` [knobs, k], of probabilities q among themselves."""
        assert seen.slopes is not None
        slopes = seen.slopes.double().cpu()
        if self.objective is not None:
            expected = self.expected_cost()
            task, cost = self.objective.factors(float(seen.loss), expected)
            prices = self.prices.slopes(self.probabilities())
            slopes = task * slopes + cost * prices.gather(1, order)
            self.objective.adapt(expected)
        return q * (slopes - (q * slopes).sum(dim=1, keepdim=True))


class AllPaths(TwoPaths):
    """One path is sampled per knob and the slopes of all are asked for: every logit moves.

    The exact gradient (eq. 4) for the other knobs' sampled paths, at the price of running every
    candidate forward once.
    """

    def ask(self) -> tuple[Choices]:
        """One path per knob drawn from p, with the slopes of all others."""
        options = self.sample().options
        closed = tuple(
            tuple(other for other in range(count) if other != option)
            for count, option in zip(self.prices.counts, options, strict=True)
        )
        return (Choices(options, closed),)

    def tell(self, asked: Sequence[Choices], evidence: Sequence[Evidence]) -> None:
        """Pull slopes and prices through the softmax, and step."""
        (choices,), (seen,) = asked, evidence
        order = order_of(choices, self.logits.shape[1])
        gradient = self._gradient(self.probabilities().gather(1, order), order, seen)
        self.step(torch.zeros_like(self.logits).scatter_(1, order, gradient))


def order_of(choices: Choices, widest: int | None = None) -> Tensor:
    """The options of each knob as evidence lists their slopes: open, then closed; [knobs, k].

    Knobs with fewer than `widest` options are padded with the options that they do not have.
    """
    assert choices.closed is not None
    rows = [[o, *closed] for o, closed in zip(choices.options, choices.closed, strict=True)]
    if widest is not None:
        rows = [[*row, *range(len(row), widest)] for row in rows]
    return torch.tensor(rows)
