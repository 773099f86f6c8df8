"""Kinds of weight quantizers, one per file."""

from compression.quantizers.weights.base import WeightKind
from compression.quantizers.weights.codebook import CodebookWeights
from compression.quantizers.weights.dorefa import DorefaWeights, WrpnWeights
from compression.quantizers.weights.linear import RangeWeights
from compression.quantizers.weights.lsq import LearnedWeights
from compression.quantizers.weights.powers import PowerWeights
from compression.quantizers.weights.ternary import BinaryWeights, TernaryWeights

AnyWeights = (
    RangeWeights
    | LearnedWeights
    | DorefaWeights
    | WrpnWeights
    | CodebookWeights
    | PowerWeights
    | TernaryWeights
    | BinaryWeights
)

__all__ = [
    "AnyWeights",
    "BinaryWeights",
    "CodebookWeights",
    "DorefaWeights",
    "LearnedWeights",
    "PowerWeights",
    "RangeWeights",
    "TernaryWeights",
    "WeightKind",
    "WrpnWeights",
]
