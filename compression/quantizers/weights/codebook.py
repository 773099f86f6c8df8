"""Weights that share a few values, found by k-means: `by: codebook`."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from compression.quantizers.over_weight import OverWeight
from compression.quantizers.weights.base import WeightKind

TOLERANCE = 1e-7
Begin = Literal["best", "quantiles"]


class CodebookWeights(WeightKind, frozen=True, tag="codebook"):
    """Deep Compression's codebook (Han et al. 2016, section 3) of 2^bits values per layer.

    Which value a weight has is settled at the beginning. Then each value is the mean of the weights
    that share it, so that it moves by the mean of their slopes, as in HAQ's released code. Where
    weights are 0, as pruned ones are, 0 is the first of the values, and stays.
    """

    rounds: int = 50
    """Most rounds of k-means."""
    begin: Begin = "best"
    """Where k-means begins: at evenly spread `quantiles` (PocketFlow's non-uniform quantization),
    or there and evenly between the ends, whichever ends with the less squared error."""

    def __post_init__(self) -> None:
        WeightKind.__post_init__(self)
        if self.rounds < 1:
            raise ValueError(f"k-means takes 1 round or more, not {self.rounds}")

    @property
    def keeps_zeros(self) -> bool:
        """Those that it finds, but not those that come later."""
        return False

    def quantizer(self, weight: Tensor) -> nn.Module:
        numbers, values = weight.detach().reshape(-1), 2**self.bits
        pruned = numbers == 0
        label = torch.zeros_like(numbers, dtype=torch.long)
        first = int(pruned.any())
        if not pruned.all():
            label[~pruned] = first + nearest_means(
                numbers[~pruned], values - first, self.rounds, self.begin
            )
        return Shared(label.reshape(weight.shape), values, bool(first))


class Shared(OverWeight):
    """w -> the mean of all weights of its label; slopes are averaged in the same way.

    `pruned`: what has label 0 is 0.
    """

    label: Tensor
    part: Tensor
    """[values]: what one weight is of the mean."""

    def __init__(self, label: Tensor, values: int, pruned: bool) -> None:
        super().__init__()
        count = torch.bincount(label.reshape(-1), minlength=values)
        part = 1.0 / count.clamp(min=1)
        if pruned:
            part[0] = 0.0
        self.register_buffer("label", label.to(torch.uint8))
        self.register_buffer("part", part)

    def forward(self, w: Tensor) -> Tensor:
        label = self.label.reshape(-1).long()
        return self.means(w)[label].reshape(w.shape)

    def means(self, w: Tensor) -> Tensor:
        """[values]: what they are now; 0 for one that no weight has, or that is pruned."""
        label = self.label.reshape(-1).long()
        sums = torch.zeros_like(self.part, dtype=w.dtype).index_add(0, label, w.reshape(-1))
        return sums * self.part


def quantiles_of(values: np.ndarray, count: int) -> np.ndarray:
    """[count]: the quantiles i / (count + 1) of numbers, i from 1, linear between neighbours."""
    return np.quantile(values, np.arange(1, count + 1) / (count + 1))


def nearest_means(values: Tensor, count: int, rounds: int, begin: Begin = "best") -> Tensor:
    """[numbers]: for each of `values` [numbers] the nearest of at most `count` means.

    Lloyd's rounds from `quantiles_of` the values, or twice: from means spread evenly between the
    ends, which keeps the few large numbers apart (Han et al. 2016, section 3.2), and from evenly
    spread quantiles of the different ones; of both what has the less squared error.
    """
    numbers = values.cpu().double().numpy()
    ordered = np.sort(numbers)
    distinct = np.unique(ordered)
    if len(distinct) <= count:
        return torch.from_numpy(np.searchsorted(distinct, numbers)).to(values.device)
    quantiles = distinct[((np.arange(count) + 0.5) / count * len(distinct)).astype(int)]
    starts = (np.linspace(distinct[0], distinct[-1], count), quantiles)
    if begin == "quantiles":
        starts = (quantiles_of(ordered, count),)
    found = [_lloyd(ordered, start, rounds) for start in starts]
    means = min(found, key=lambda one: np.square(ordered - one[_nearest(one, ordered)]).sum())
    return torch.from_numpy(_nearest(means, numbers)).to(values.device)


def _lloyd(ordered: np.ndarray, means: np.ndarray, rounds: int) -> np.ndarray:
    """Each mean owns an interval of the numbers, so a round is one search; a mean that owns nothing
    is put where the error is largest."""
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    for _ in range(rounds):
        edges = np.searchsorted(ordered, (means[1:] + means[:-1]) / 2)
        ends = np.concatenate([[0], edges, [len(ordered)]])
        owned = np.diff(ends)
        moved = np.where(owned > 0, np.diff(sums[ends]) / np.maximum(owned, 1), np.inf)
        moved = np.sort(moved)
        for empty in np.flatnonzero(np.isinf(moved)):
            known = moved[:empty]
            worst = ordered[np.abs(ordered - known[_nearest(known, ordered)]).argmax()]
            moved[: empty + 1] = np.sort(np.append(known, worst))
        settled = np.abs(moved - means).max() <= TOLERANCE * np.abs(means).max()
        means = moved
        if settled:
            break
    return means


def _nearest(means: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Places of the nearest of the sorted means."""
    return np.searchsorted((means[1:] + means[:-1]) / 2, numbers)
