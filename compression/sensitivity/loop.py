"""Try one smaller network after another, and write down each result when it is known."""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from torch import nn

from compression.sensitivity.found import Of, Sensitivity, Tried
from proxyless_nas.files import read_json, write_json
from proxyless_nas.progress import progress_bar
from training.evaluate import Evaluation

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
Judge = Callable[[nn.Module], Evaluation]
"""How good a network is; it may change the network, which is thrown away."""


class Wanted(NamedTuple):
    """A group or a tensor, the share that is to go, and how many channels or elements that is."""

    group: str
    share: float
    gone: int


def try_all(
    network: nn.Module,
    of: Of,
    digest: str,
    wanted: Sequence[Wanted],
    smaller: Callable[[Wanted], nn.Module],
    judge: Judge,
    file: Path,
) -> Sensitivity:
    """Judge the network, and what `smaller` makes of it for each that is wanted.

    What stands in the file is not tried again, nor what has lost just as much of the same group.
    ValueError where the file has another digest.
    """
    if file.exists():
        known = read_json(file, Sensitivity)
        if known.digest != digest:
            raise ValueError(
                f"{file} is of another network, other images, or another score of channels or "
                "kind of analysis: name another folder, or delete it to start over"
            )
    else:
        known = Sensitivity(digest, judge(deepcopy(network)), (), of)
        write_json(file, known)
    scores = {(one.group, one.gone): one.score for one in known.tried} | {
        (one.group, 0): known.whole for one in wanted
    }
    tried = {Wanted(one.group, one.share, one.gone): one for one in known.tried}
    missing = [one for one in wanted if one not in tried]
    begun = len(wanted) - len(missing)
    for one in progress_bar(missing, "sensitivity", len(wanted), begun, show=bool(missing)):
        score = scores.get((one.group, one.gone))
        if score is None:
            score = judge(smaller(one))
            scores[one.group, one.gone] = score
        tried[one] = Tried(*one, score)
        write_json(file, Sensitivity(digest, known.whole, tuple(tried.values()), of))
    return Sensitivity(digest, known.whole, tuple(tried[one] for one in wanted), of)


def digest_of(network: nn.Module, images: str, order: Iterable[bytes]) -> str:
    """Of every number of a network, the images, and what says the order in which parts go."""
    hashed = sha256(images.encode())
    for name, tensor in network.state_dict().items():
        hashed.update(name.encode())
        hashed.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    for part in order:
        hashed.update(part)
    return hashed.hexdigest()
