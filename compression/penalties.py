"""Penalties: what is added to the loss so that weights, or groups of them, become small."""

import torch
from msgspec import Struct
from torch import Tensor

from compression.structures.shape import Over, Structure


class _Penalty(Struct, frozen=True, kw_only=True, tag_field="of", forbid_unknown_fields=True):
    """One kind, for one tensor."""

    def value(self, weight: Tensor) -> Tensor:
        """A scalar, with slopes."""
        raise NotImplementedError


class L1(_Penalty, frozen=True, tag="l1"):
    """The sum of sizes; on the scales of batch norms it is network slimming (Liu et al. 2017)."""

    def value(self, weight: Tensor) -> Tensor:
        return weight.abs().sum()


class GroupLasso(_Penalty, frozen=True, tag="group-lasso"):
    """The sum of the lengths of groups (Yuan & Lin 2006; Wen et al. 2016): whole ones become zero.

    Groups are the `filters` of a layer (its outputs, the rows of a matrix), its `channels` (its
    inputs, the columns), every `kernels` (one output, one input), `blocks` of `size` inputs of one
    output, or the whole `layer`. With `weighted` a group counts by the root of its size.
    """

    over: Over = "filters"
    size: int = 8
    weighted: bool = False

    def __post_init__(self) -> None:
        Structure(over=self.over, size=self.size)

    def value(self, weight: Tensor) -> Tensor:
        groups = Structure(over=self.over, size=self.size).rows(weight)
        lengths = torch.linalg.vector_norm(groups, dim=1).sum()
        return lengths * groups.shape[1] ** 0.5 if self.weighted else lengths


class GroupVariance(_Penalty, frozen=True, tag="group-variance"):
    """One over the variance of the channels' lengths (Torfi et al. 2018): some grow, others go."""

    def value(self, weight: Tensor) -> Tensor:
        if weight.ndim < 2 or weight.shape[1] < 2:
            raise ValueError(
                f"a weight of shape {tuple(weight.shape)} has no channels that could differ: leave "
                "its layer out"
            )
        lengths = torch.linalg.vector_norm(weight.transpose(0, 1).flatten(1), dim=1)
        return 1 / lengths.var()


AnyPenalty = L1 | GroupLasso | GroupVariance
