"""Layers that Mayo's LowRankApproximation makes narrower ones: nothing else stands over them."""

from collections.abc import Sequence

from torch import Tensor

from compression.readers.mayo.classes import made_of
from compression.readers.mayo.layers import Layers
from compression.readers.mayo.made import Ranks
from compression.readers.mayo.pins import Pin

LOW_RANK = "LowRankApproximation"
REPLACED = f"its layer becomes narrower ones by {LOW_RANK}"


def narrower(pins: Sequence[Pin], layers: Layers) -> set[str]:
    """Names here of the layers that are others from the first step on.

    ValueError with FILE:LINE for what is wrong in the arguments of the class.
    """
    found: set[str] = set()
    for pin in pins:
        target = layers.of(pin.layer, pin.key, pin.place)
        weight = None if target is None else layers.weight(target[1])
        if target is None or target[0] != "weight" or weight is None:
            continue
        for given in pin.each:
            if given.kind == LOW_RANK and given.args.get("enable", True):
                kind = made_of(given).kind
                if isinstance(kind, Ranks) and kind.gone < full_rank(weight):
                    found.add(target[1])
    return found


def full_rank(weight: Tensor) -> int:
    """How many singular values a layer of such a weight [outputs, inputs, ...] has there."""
    outputs, inputs, height, width = (*weight.shape, 1, 1)[:4]
    return min(height * inputs, width * outputs)
