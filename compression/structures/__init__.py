"""Whole structures of weights: which there are in a tensor, and which of them stay."""

from compression.structures.kinds import (
    AnyStructures,
    Bernoulli,
    FilterActivation,
    FilterApoz,
    FilterTaylor,
    GroupThreshold,
    RankedL1,
    RankedL2,
    RankedRandom,
)
from compression.structures.shape import Over, Structure

__all__ = [
    "AnyStructures",
    "Bernoulli",
    "FilterActivation",
    "FilterApoz",
    "FilterTaylor",
    "GroupThreshold",
    "Over",
    "RankedL1",
    "RankedL2",
    "RankedRandom",
    "Structure",
]
