"""What a network needs to be stored, as `python -m compression auto` counts it."""

from math import ceil

from torch import nn

from compression.quantizers.fold import folded
from compression.quantizers.place import quantizable
from proxyless_nas.bits import FLOAT_BITS, stored_bytes
from proxyless_nas.layer import FLOAT_BYTES
from proxyless_nas.subject import Subject

PARTS = 10_000
"""A share is rounded up to so many parts of one: what is counted here then fits into it."""


def share_stored(subject: Subject, bits: int, everything: bool) -> float:
    """The share of its bits that a network is left with whose weights have so many.

    Without `everything` the first and the last layer keep theirs. Each channel of what is rounded
    has a step in float, like all else; batch norms are part of the layers that they follow.
    """
    network = folded(subject.build(seed=0), subject.input)
    whole = FLOAT_BYTES * sum(one.numel() for one in network.parameters())
    names, left = quantizable(network, subject.input), float(whole)
    for name in names if everything else names[1:-1]:
        shape = _weight(network.get_submodule(name)).shape
        left += stored_bytes(shape, bits) - stored_bytes(shape, FLOAT_BITS)
    return min(1.0, ceil(PARTS * left / whole) / PARTS)


def _weight(layer: nn.Module) -> nn.Parameter:
    weight = layer.weight
    assert isinstance(weight, nn.Parameter)
    return weight
