"""What readers ask of a network by name: which names are near, which channels leave together."""

import difflib
from collections.abc import Iterable

from torch import nn

from compression.channels.cut import noise
from compression.channels.groups import Channels, find_channels
from proxyless_nas.subject import Subject

NEAR = 3


def near(name: str, known: Iterable[str]) -> str:
    """` (near: A, B)`, the known names nearest to one; nothing where none is."""
    found = difflib.get_close_matches(name, list(known), n=NEAR, cutoff=0.5)
    return f" (near: {', '.join(found)})" if found else ""


def channels_of(subject: Subject) -> Channels:
    """Which channels of a network leave together."""
    network: nn.Module = subject.build(seed=0).eval()
    return find_channels(network, noise(subject.input, network))
