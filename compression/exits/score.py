"""Score a network with exits: where images leave, who is right there, and what it costs."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from msgspec import Struct
from torch import Tensor

from compression.exits.leaving import AnyRule, Leaving
from compression.exits.network import WithExits
from compression.exits.work import Work
from proxyless_nas.counting import in_eval_mode
from training.datasets import Batch


@dataclass(frozen=True)
class Heard:
    """What all exits say of N images, on the CPU: enough for any thresholds.

    `sure`: how sure each exit is by a rule, float64 [N, exits]; `right`: whose answer is right,
    bool [N, exits + 1], the network's own last.
    """

    sure: Tensor
    right: Tensor


class Left(Struct, frozen=True):
    """Images that leave at one exit: which share, how many of them right (None: nobody left)."""

    share: float
    accuracy: float | None
    macs: int
    """Multiply-accumulates for each of them, heads on the way included."""


class Outcome(Struct, frozen=True):
    """What some thresholds do to a set of images; the last of `exits` is the network's own end."""

    exits: tuple[Left, ...]
    accuracy: float
    macs: float
    """Expected for one image."""
    images: int


@torch.no_grad()
def hear(network: WithExits, batches: Iterable[Batch], rule: AnyRule) -> Heard:
    """Ask every exit about every image; ValueError where there is none."""
    sure: list[Tensor] = []
    right: list[Tensor] = []
    with in_eval_mode(network):
        for x, y in batches:
            said = network(x)
            sure.append(torch.stack([rule.value(one) for one in said[:-1]], 1).cpu())
            right.append(torch.stack([one.argmax(1) == y for one in said], 1).cpu())
    if not sure:
        raise ValueError("nothing to evaluate: the image set is empty")
    return Heard(torch.cat(sure), torch.cat(right))


def outcome(heard: Heard, leaving: Leaving, work: Work) -> Outcome:
    """What `answers` would do with the images that were heard by the same rule."""
    images, exits = heard.sure.shape
    asked = [threshold is not None for threshold in leaving.thresholds]
    exit = torch.full((images,), exits)
    for number in reversed(range(exits)):
        threshold = leaving.thresholds[number]
        if threshold is not None:
            sign = leaving.rule.sign
            exit[sign * heard.sure[:, number] >= sign * threshold] = number
    right = heard.right.gather(1, exit[:, None])[:, 0]
    costs = work.until(asked)
    counts = exit.bincount(minlength=exits + 1).tolist()
    rights = exit[right].bincount(minlength=exits + 1).tolist()
    return Outcome(
        tuple(
            Left(count / images, good / count if count else None, macs)
            for count, good, macs in zip(counts, rights, costs, strict=True)
        ),
        sum(rights) / images,
        sum(count * macs for count, macs in zip(counts, costs, strict=True)) / images,
        images,
    )
