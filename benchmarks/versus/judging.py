"""Is a narrower network the one that was meant? Beside the whole one with those channels zero."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from compression.channels.cut import TOLERANCE, apart
from compression.channels.structure import every
from proxyless_nas import parameters_of
from proxyless_nas.counting import in_eval_mode

Verdict = Literal["right", "refused", "crashes", "silently wrong"]
VERDICTS = get_args(Verdict)
"""From the best to the worst."""
Place = tuple[str, int, Sequence[int]]
"""Positions of a parameter along one axis, where it makes or carries a channel that goes."""


@dataclass(frozen=True)
class Cut:
    """A network that lost channels, how many groups they came from, and where they were made."""

    narrow: nn.Module
    groups: int
    places: Sequence[Place]


@dataclass(frozen=True)
class Trial:
    """What came of a cut; `left` is the share of the parameters, `told` the error or the reason."""

    verdict: Verdict
    groups: int = 0
    left: float = 1.0
    difference: float | None = None
    told: str = ""


class Refused(Exception):
    """Whoever cuts says that it would not do so, and why."""


def tried(network: nn.Module, x: Tensor, cut: Callable[[], Cut]) -> Trial:
    """Cut, run, and compare; the difference is relative to the largest number of the answer.

    Only where channels are made or carried is the whole network zero: should the cut take the
    wrong ones from a layer behind, the answers differ.
    """
    try:
        found = cut()
        answers = answers_of(found.narrow, x)
    except Refused as error:
        return Trial("refused", told=str(error))
    except Exception as error:
        return Trial("crashes", told=f"{type(error).__name__}: {str(error).splitlines()[0]}")
    left = parameters_of(found.narrow) / parameters_of(network)
    if left == 1:
        return Trial("refused", found.groups, told="nothing was cut")
    expected = answers_of(zeroed(network, found.places), x)
    same_form = [one.shape for one in expected] == [one.shape for one in answers]
    difference = apart(expected, answers) if same_form else float("inf")
    right = difference <= TOLERANCE
    return Trial("right" if right else "silently wrong", found.groups, left, difference)


@torch.no_grad()
def zeroed(network: nn.Module, places: Sequence[Place]) -> nn.Module:
    """A copy whose parameters are zero at these places."""
    copy = deepcopy(network)
    tensors = dict(copy.named_parameters())
    for name, axis, positions in places:
        tensors[name].index_fill_(axis, torch.tensor(positions, dtype=torch.int64), 0.0)
    return copy


@torch.no_grad()
def answers_of(network: nn.Module, x: Tensor) -> list[Tensor]:
    """All tensors of the answer in eval mode."""
    with in_eval_mode(network):
        return every(Tensor, network(x))
