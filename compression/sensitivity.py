"""Sensitivity: what a group of channels is worth in accuracy, tried share by share, one by one."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from msgspec import Struct
from torch import nn

from compression.channels.cut import masked
from compression.channels.groups import Channels
from compression.widths.rounding import kept_of
from compression.widths.sizes import Ranking, chosen_of
from proxyless_nas.files import read_json, write_json
from proxyless_nas.progress import progress_bar
from training.evaluate import Evaluation

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
Judge = Callable[[nn.Module], Evaluation]
"""How good a network is; it may change the network, which is thrown away."""


class Tried(Struct, frozen=True, forbid_unknown_fields=True):
    """A group that has lost so many channels, all others being whole, and how good that is."""

    group: str
    share: float
    gone: int
    score: Evaluation


class Sensitivity(Struct, frozen=True, forbid_unknown_fields=True):
    """sensitivity.json: the whole network's score, and those that were tried; maybe not yet all.

    `digest` tells the network, the order of its channels and the images.
    """

    digest: str
    whole: Evaluation
    tried: tuple[Tried, ...]

    def drops(self) -> dict[str, list[tuple[int, float]]]:
        """By group: how many channels went, and the top-1 accuracy that was lost (0 to 1)."""
        found: dict[str, list[tuple[int, float]]] = {}
        for one in self.tried:
            drop = self.whole.top1 - one.score.top1
            found.setdefault(one.group, [(0, 0.0)]).append((one.gone, drop))
        return found


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
    digest = digest_of(network, ranking, images)
    if file.exists():
        known = read_json(file, Sensitivity)
        if known.digest != digest:
            raise ValueError(
                f"{file} is of another network, other images or another score of channels: name "
                "another folder, or delete it to start over"
            )
    else:
        known = Sensitivity(digest, judge(masked(network, channels, {})), ())
        write_json(file, known)
    wanted = [
        (group.name, share, group.width - kept_of(group.width, share, multiple))
        for group in channels.groups
        for share in shares
    ]
    scores = {(one.group, one.gone): one.score for one in known.tried} | {
        (group.name, 0): known.whole for group in channels.groups
    }
    tried = {(one.group, one.share, one.gone): one for one in known.tried}
    missing = [one for one in wanted if one not in tried]
    begun = len(wanted) - len(missing)
    for group, share, gone in progress_bar(
        missing, "sensitivity", len(wanted), begun, show=bool(missing)
    ):
        score = scores.get((group, gone))
        if score is None:
            score = judge(masked(network, channels, chosen_of({group: gone}, ranking)))
            scores[group, gone] = score
        tried[group, share, gone] = Tried(group, share, gone, score)
        write_json(file, Sensitivity(digest, known.whole, tuple(tried.values())))
    return Sensitivity(digest, known.whole, tuple(tried[one] for one in wanted))


def digest_of(network: nn.Module, ranking: Ranking, images: str) -> str:
    """Of every number of a network, the order of its channels, and the images."""
    hashed = sha256(images.encode())
    for name, tensor in network.state_dict().items():
        hashed.update(name.encode())
        hashed.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    for name, order in sorted(ranking.items()):
        hashed.update(name.encode())
        hashed.update(order.tobytes())
    return hashed.hexdigest()


def csv_of(found: Sensitivity) -> str:
    """One line per try, in percent: `parameter,sparsity,top1,top5,loss`, as Distiller has them."""
    lines = ["parameter,sparsity,top1,top5,loss"]
    for one in found.tried:
        score = one.score
        lines.append(
            f"{one.group},{one.share:g},{100 * score.top1:.4f},{100 * score.top5:.4f},"
            f"{score.loss:.6f}"
        )
    return "\n".join(lines) + "\n"
