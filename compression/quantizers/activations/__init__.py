"""Kinds of activation quantizers, one per file."""

from compression.quantizers.activations.base import ActivationKind
from compression.quantizers.activations.dorefa import DorefaActivations
from compression.quantizers.activations.linear import RangeActivations
from compression.quantizers.activations.lsq import LearnedActivations
from compression.quantizers.activations.moving import Moving
from compression.quantizers.activations.pact import Clipped, PactActivations

AnyActivations = RangeActivations | LearnedActivations | PactActivations | DorefaActivations

__all__ = [
    "ActivationKind",
    "AnyActivations",
    "Clipped",
    "DorefaActivations",
    "LearnedActivations",
    "Moving",
    "PactActivations",
    "RangeActivations",
]
