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
    def limits(self, values: Tensor, levels: int, rounded: Rounded) -> Limits:
        """The ends of each row of `values` [rows, numbers], on grids of so many levels."""


class MinMax(Range, frozen=True, tag="min-max"):
    """The least and the largest number."""

    def limits(self, values: Tensor, levels: int, rounded: Rounded) -> Limits:
        return values.amin(dim=1), values.amax(dim=1)


class Percentile(Range, frozen=True, tag="percentile"):
    """All but the same share of outliers at both ends; `inside` percent lie between them."""

    inside: float = 99.9

    def __post_init__(self) -> None:
        if not 0 < self.inside <= 100:
            raise ValueError(f"{self.inside:g} percent cannot lie inside")

    def limits(self, values: Tensor, levels: int, rounded: Rounded) -> Limits:
        out = (100 - self.inside) / 2
        numbers = values.detach().cpu().double().numpy()
        ends = np.percentile(numbers, [out, 100 - out], axis=1)
        low, high = torch.from_numpy(ends).to(values)
        return low, high


class MeanSquare(Range, frozen=True, tag="mse"):
    """The smallest mean square of what rounding and clipping change, among shrunk min and max."""

    def limits(self, values: Tensor, levels: int, rounded: Rounded) -> Limits:
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

    def limits(self, values: Tensor, levels: int, rounded: Rounded) -> Limits:
        low, high = values.amin(dim=1), values.amax(dim=1)
        shrinks = [_least_divergence(row, levels) for row in values.detach().abs().cpu()]
        at = torch.tensor(shrinks).to(low)
        return low * at, high * at


def _least_divergence(sizes: Tensor, levels: int) -> float:
    """The share of the largest size at which to clip."""
    reach, start = float(sizes.max()), max(levels, 2)
    sizes = sizes[sizes > 0]
    if reach < TINY or start >= BINS:
        return 1.0
    counts = np.histogram(sizes.double().numpy(), bins=BINS, range=(0.0, reach))[0].astype(float)
    found = [(_divergence(counts, edge, start), edge) for edge in range(start, BINS + 1, 16)]
    return min(found)[1] / BINS


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
