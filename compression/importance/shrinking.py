"""The LASSO over all strengths of its penalty at once, from products of what is weighed alone."""

import torch
from torch import Tensor

STRENGTHS, WEAKEST, STEPS = 100, 1e-4, 300


def betas(gram: Tensor, answer: Tensor, penalties: Tensor, steps: int = STEPS) -> Tensor:
    """[width, n]: for each of `penalties` [n] the beta with the least
    beta^T gram beta / 2 - answer^T beta + penalty |beta|.

    `gram` [width, width] has the products of what is weighed, `answer` [width] those with what is
    to be rebuilt. Iterative shrinkage with momentum (FISTA, Beck & Teboulle 2009, section 4), all
    penalties at once.
    """
    step = 1 / torch.linalg.eigvalsh(gram)[-1]
    beta = gram.new_zeros(len(gram), len(penalties))
    ahead, pace = beta, 1.0
    for _ in range(steps):
        moved = ahead - step * (gram @ ahead - answer[:, None])
        after = moved.sign() * (moved.abs() - step * penalties).clamp(min=0)
        faster = (1 + (1 + 4 * pace**2) ** 0.5) / 2
        ahead = after + (pace - 1) / faster * (after - beta)
        beta, pace = after, faster
    return beta


def strengths(gram: Tensor) -> Tensor:
    """[width]: the strongest penalty at which each beta is not 0, where the answer is the sum of
    all that is weighed.

    The penalties tried fall by equal factors, from the one at which nothing is left; between two
    of them, and below the last, a beta comes in the sooner the nearer its slope is to the penalty.
    """
    answer = gram.sum(dim=1)
    most = answer.abs().max()
    if not most > 0:
        return torch.zeros_like(answer)
    penalties = most * torch.logspace(0, torch.tensor(WEAKEST).log10().item(), STRENGTHS).to(gram)
    beta = betas(gram, answer, penalties)
    slopes = (answer[:, None] - gram @ beta).abs()
    there = torch.cat([beta != 0, torch.ones_like(beta[:, :1], dtype=torch.bool)], dim=1)
    first = there.int().argmax(dim=1).clamp(min=1)
    weaker = torch.cat([penalties, penalties.new_zeros(1)])
    slope = slopes.gather(1, (first - 1)[:, None])[:, 0]
    return slope.clamp(weaker[first], penalties[first - 1])
