"""How many directions of a noisy matrix are more than noise: empirical variational Bayes, exactly.

[1] Nakajima, Sugiyama, Babacan & Tomioka 2013, Global analytic solution of fully-observed
variational Bayesian matrix factorization. [2] Nakajima, Tomioka, Sugiyama & Babacan 2012, Perfect
dimensionality recovery by variational Bayesian PCA: the threshold and the noise in closed form.
"""

import math

import torch
from torch import Tensor

TRIES = 300
EPSILON = torch.finfo(torch.float32).eps


def signals(values: Tensor, longer: int) -> int:
    """How many of the singular `values` [L], falling, of an L x M matrix are of no noise.

    M is `longer`, at least L. The matrix is V = U + E, with a U of low rank and numbers in E that
    are normal with one variance sigma^2, which is estimated: that of the least free energy.
    """
    alpha = len(values) / longer
    tau = threshold(alpha)
    least = (1 + tau) * (1 + alpha / tau)
    sizes = values.double().square() / longer  # gamma_h^2 / M
    sizes = sizes.clamp(min=float(sizes[0]) * EPSILON**2)  # smaller ones are rounding of float32
    return int((sizes > least * _noise(sizes, alpha, least)).sum())


def threshold(alpha: float) -> float:
    """The one zero of Phi(tau) + Phi(tau / alpha), Phi(z) = log(1 + z) / z - 1/2 [2].

    `alpha` is L / M, above 0 and up to 1. The answer is near 2.5129 sqrt(alpha).
    """
    low, high = 1e-12, 3.0  # Phi falls, and is below 0 from 2.5129 on
    for _ in range(100):
        middle = (low + high) / 2
        positive = _phi(middle) + _phi(middle / alpha) > 0
        low, high = (middle, high) if positive else (low, middle)
    return low


def _phi(z: float) -> float:
    return math.log1p(z) / z - 0.5


def _noise(sizes: Tensor, alpha: float, least: float) -> float:
    """sigma^2 of the least free energy, between its bounds [2]; the best of many."""
    first = math.ceil(len(sizes) / (1 + alpha)) - 1  # so many signals at most
    low = max(float(sizes[first]) / least, float(sizes[first:].mean()))
    high = float(sizes.mean())
    for _ in range(3):
        tried = torch.linspace(math.log(low), math.log(high), TRIES, dtype=torch.float64).exp()
        best = int(free_energy(tried, sizes.cpu(), alpha, least).argmin())
        low, high = float(tried[max(best - 1, 0)]), float(tried[min(best + 1, TRIES - 1)])
    return math.sqrt(low * high)


def free_energy(noise: Tensor, sizes: Tensor, alpha: float, least: float) -> Tensor:
    """Omega [2] at every sigma^2 of `noise`: 2 F / M for a free energy of F, but for a constant.

    A size, gamma_h^2 / M, counts as x - log x; where x = size / sigma^2 is above `least` it is a
    signal, and what the factors of it explain makes the sum smaller.
    """
    x = sizes / noise[:, None]
    over = x.clamp(min=least) - (1 + alpha)
    tau = (over + (over.square() - 4 * alpha).sqrt()) / 2
    of_signals = tau.log1p() + alpha * (tau / alpha).log1p() - tau
    return (x - x.log() + of_signals * (x > least)).sum(dim=1)
