"""Importance: what is lost with each channel of a group, guessed before it is removed."""

from compression.importance.answers import ActivationMean, Apoz
from compression.importance.discriminant import Discriminant
from compression.importance.lasso import Lasso
from compression.importance.slopes import Taylor
from compression.importance.weights import L1, L2, BatchNormScale, GeometricMedian, Random

AnyDataFree = L1 | L2 | GeometricMedian | BatchNormScale | Random
AnyImportance = AnyDataFree | Taylor | ActivationMean | Apoz | Lasso | Discriminant

__all__ = [
    "L1",
    "L2",
    "ActivationMean",
    "AnyDataFree",
    "AnyImportance",
    "Apoz",
    "BatchNormScale",
    "Discriminant",
    "GeometricMedian",
    "Lasso",
    "Random",
    "Taylor",
]
