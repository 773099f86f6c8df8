"""Ways to make a network narrower for a share of its MACs; ours stand here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from torch import nn

from compression.channels.cut import noise, removed
from compression.channels.groups import find_channels
from compression.importance import L2
from compression.importance.base import by_own_mean
from compression.pruning.widths_file import Widths
from compression.widths import Sizes, chosen_of, evenly, lowest_first, ranked
from proxyless_nas.files import read_json
from proxyless_nas.layer import Shape


@dataclass(frozen=True)
class Method:
    """A name, and what makes a narrower copy of a network."""

    name: str
    prune: Callable[[nn.Module], nn.Module]


def ours(shape: Shape, share: float) -> list[Method]:
    """Our rows: one entry is one row of the table."""
    return [
        Method("ours evenly", partial(by_size, shape=shape, share=share, rank="evenly")),
        Method("ours lowest-first", partial(by_size, shape=shape, share=share, rank="lowest")),
        Method(
            "ours evenly x8", partial(by_size, shape=shape, share=share, rank="evenly", multiple=8)
        ),
    ]


def from_widths(shape: Shape, files: tuple[str, ...]) -> list[Method]:
    """What `python -m compression prune` has left in files named widths.json, a row each, called
    after its folder. The call only removes: choosing was done before."""
    return [
        Method(f"ours {Path(file).absolute().parent.name}", partial(_thin, shape, file))
        for file in files
    ]


def _thin(shape: Shape, file: str, network: nn.Module) -> nn.Module:
    channels = find_channels(network, noise(shape, network))
    return read_json(file, Widths).thin(network, shape, channels)


def by_size(
    network: nn.Module,
    shape: Shape,
    share: float,
    rank: Literal["evenly", "lowest"],
    multiple: int = 1,
) -> nn.Module:
    """The smallest channels of each group go, by the norm of all their weights.

    Groups are compared by what is usual in them, as `do: channels` does.
    """
    x = noise(shape, network)
    channels = find_channels(network, x)
    scores = by_own_mean(L2().scores(network, channels))
    ranking = ranked(scores)
    sizes = Sizes(network, channels, shape, ranking)
    most = share * sizes.macs({})
    if rank == "evenly":
        gone = evenly(sizes.widths, sizes.macs, most, multiple)
    else:
        gone = lowest_first(scores, sizes.macs, most, multiple)
    return removed(network, channels, chosen_of(gone, ranking), x)
