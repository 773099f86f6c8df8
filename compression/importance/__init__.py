"""Importance: what is lost with each channel of a group, guessed before it is removed."""

from compression.importance.answers import ActivationMean, Apoz
from compression.importance.slopes import Taylor
from compression.importance.weights import L1, L2, BatchNormScale, GeometricMedian, Random

AnyImportance = L1 | L2 | GeometricMedian | BatchNormScale | Taylor | ActivationMean | Apoz | Random

__all__ = [
    "L1",
    "L2",
    "ActivationMean",
    "AnyImportance",
    "Apoz",
    "BatchNormScale",
    "GeometricMedian",
    "Random",
    "Taylor",
]
