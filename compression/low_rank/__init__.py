"""Low rank: layers as two or three narrower ones in a row, where that is less work."""

from compression.low_rank.evbmf import signals
from compression.low_rank.factors import factored, weights_of, whole
from compression.low_rank.ranks import AnyRank, Energy, Evbmf, Share
from compression.low_rank.replace import Tried, factorise, told

__all__ = [
    "AnyRank",
    "Energy",
    "Evbmf",
    "Share",
    "Tried",
    "factored",
    "factorise",
    "signals",
    "told",
    "weights_of",
    "whole",
]
