"""Sensitivity of groups of channels: the first of a ranking go, from one group at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import nn

from compression.channels.cut import masked
from compression.channels.groups import Channels
from compression.sensitivity.found import Sensitivity
from compression.sensitivity.loop import SHARES, Judge, Wanted, digest_of, try_all
from compression.widths.rounding import kept_of
from compression.widths.sizes import Ranking, chosen_of


def analyse(
    network: nn.Module,
    channels: Channels,
    ranking: Ranking,
    judge: Judge,
    file: Path,
    images: str,
    shares: Sequence[float] = SHARES,
    multiple: int = 1,
) -> Sensitivity:
    """Try every share of every group, and write each result into `file` when it is known.

    What stands in the file is not tried again. `images` says what `judge` looks at. ValueError
    where the file is of another network, another order of channels, or other images.
    """
    wanted = [
        Wanted(group.name, share, group.width - kept_of(group.width, share, multiple))
        for group in channels.groups
        for share in shares
    ]

    def smaller(one: Wanted) -> nn.Module:
        return masked(network, channels, chosen_of({one.group: one.gone}, ranking))

    digest = digest_of(network, images, bytes_of(ranking))
    return try_all(network, "channels", digest, wanted, smaller, judge, file)


def bytes_of(ranking: Ranking) -> Iterator[bytes]:
    """What tells the order in which channels go."""
    for name, order in sorted(ranking.items()):
        yield name.encode()
        yield order.tobytes()
