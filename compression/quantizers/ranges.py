"""Ranges: how far from zero a grid reaches, told from the numbers that it must hold."""

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from msgspec import Struct
from torch import Tensor

Limits = tuple[Tensor, Tensor]
"""Lower and upper ends [rows] of what rows of numbers are clipped to."""
Rounded = Callable[[Limits], Tensor]
"""The numbers as they are once they were clipped and rounded."""
SHRINKS = 60
LEAST_SHRINK = 0.05
BINS = 2048
TINY = 1e-12


class Range(Struct, frozen=True, kw_only=True, tag_field="by", forbid_unknown_fields=True):
    """One way; a subclass says which."""

    @abstractmethod
    def limits(self, values: Tensor, levels: Tensor, rounded: Rounded) -> Limits:
        """The ends of each row of `values` [rows, numbers].

        `levels` [rows] lie between 0 and the end that is farther away, with both of them.
        """


class MinMax(Range, frozen=True, tag="min-max"):
    """The least and the largest number."""

    def limits(self, values: Tensor, levels: Tensor, rounded: Rounded) -> Limits:
        return values.amin(dim=1), values.amax(dim=1)


class Percentile(Range, frozen=True, tag="percentile"):
    """All but the same share of outliers at both ends; `inside` percent lie between them.

    Where all of those are 0, the least and the largest number.
    """

    inside: float = 99.9

    def __post_init__(self) -> None:
        if not 0 < self.inside <= 100:
            raise ValueError(f"{self.inside:g} percent cannot lie inside")

    def limits(self, values: Tensor, levels: Tensor, rounded: Rounded) -> Limits:
        out = (100 - self.inside) / 2
        numbers = values.detach().cpu().double().numpy()
        ends = (
            np.percentile(numbers, out, axis=1, method="lower"),
            np.percentile(numbers, 100 - out, axis=1, method="higher"),
        )
        low, high = (torch.from_numpy(end).to(values) for end in ends)
        some = (low != 0) | (high != 0)
        least, most = values.amin(dim=1), values.amax(dim=1)
        return torch.where(some, low, least), torch.where(some, high, most)


class MeanSquare(Range, frozen=True, tag="mse"):
    """The smallest mean square of what rounding and clipping change, among shrunk min and max."""

    def limits(self, values: Tensor, levels: Tensor, rounded: Rounded) -> Limits:
        low, high = values.amin(dim=1), values.amax(dim=1)
        best, at = torch.full_like(low, torch.inf), torch.ones_like(low)
        for shrink in torch.linspace(LEAST_SHRINK, 1.0, SHRINKS).tolist():
            error = (rounded((low * shrink, high * shrink)) - values).square().mean(dim=1)
            at = torch.where(error < best, shrink, at)
            best = torch.minimum(error, best)
        return low * at, high * at


class Entropy(Range, frozen=True, tag="entropy"):
    """The least Kullback-Leibler divergence of the sizes' histogram from its rounded self.

    As in TensorRT's calibration (Migacz 2017): what is clipped is counted at the edge of the one,
    and lost to the other. Zeros are on every grid and are not counted.
    """

    def limits(self, values: Tensor, levels: Tensor, rounded: Rounded) -> Limits:
        rows = zip(values.detach().abs().cpu(), levels.tolist(), strict=True)
        size = torch.tensor([_least_divergence(row, count) for row, count in rows]).to(values)
        return torch.maximum(values.amin(dim=1), -size), torch.minimum(values.amax(dim=1), size)


def _least_divergence(sizes: Tensor, levels: int) -> float:
    """The size at which to clip."""
    reach, start = float(sizes.max()), max(levels, 2)
    sizes = sizes[sizes > 0]
    if reach < TINY or start >= BINS:
        return reach
    counts = np.histogram(sizes.double().numpy(), bins=BINS, range=(0.0, reach))[0].astype(float)
    edges = [*range(start, BINS, 16), BINS]
    return reach * min((_divergence(counts, edge, start), edge) for edge in edges)[1] / BINS


def _divergence(counts: np.ndarray, edge: int, levels: int) -> float:
    """KL(P || Q) of what is left of `counts` before `edge`, and of that in so many levels."""
    kept = counts[:edge]
    reference = kept.copy()
    reference[-1] += counts[edge:].sum()
    level = np.arange(edge) * levels // edge
    filled = kept > 0
    sums = np.bincount(level, weights=kept, minlength=levels)
    some = np.bincount(level, weights=filled, minlength=levels)
    coarse = np.where(filled, (sums / np.maximum(some, 1))[level], 0.0)
    p, q = reference / reference.sum(), coarse / max(coarse.sum(), TINY)
    there = p > 0
    return float((p[there] * np.log(p[there] / np.maximum(q[there], TINY))).sum())


AnyRange = MinMax | Percentile | MeanSquare | Entropy
