"""Our tracer, asked for the same as Torch-Pruning's: a random share of every group's channels."""

import numpy as np
from torch import Tensor, nn

from benchmarks.versus.judging import Cut, Refused
from compression.channels.cut import removed
from compression.channels.groups import find_channels


def cut_randomly(network: nn.Module, x: Tensor, share: float, seed: int) -> Cut:
    """A random share of every group, and where they were made."""
    chance = np.random.default_rng(seed)
    try:
        channels = find_channels(network, x)
        chosen = {
            group.name: chance.choice(
                group.width, min(round(share * group.width), group.width - 1), replace=False
            ).tolist()
            for group in channels.groups
        }
        narrow = removed(network, channels, chosen, x)
    except ValueError as error:
        raise Refused(str(error)) from error
    known = dict(network.named_parameters())
    places = [
        (place.tensor, place.axis, np.flatnonzero(np.isin(place.channel, chosen[group.name])))
        for group in channels.groups
        for place in group.places
        if place.role != "takes" and place.tensor in known
    ]
    return Cut(
        narrow, len(channels.groups), [(name, axis, at.tolist()) for name, axis, at in places]
    )
