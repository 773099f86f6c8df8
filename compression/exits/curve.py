"""Accuracy against work over all thresholds, and the threshold that a goal asks for."""

from dataclasses import dataclass

import torch

from compression.exits.leaving import AnyRule, Leaving
from compression.exits.score import Heard
from compression.exits.work import Work


@dataclass(frozen=True)
class Curve:
    """What each threshold, the same at all exits, does to the images that were heard.

    First the network without exits (None), then ever fewer MACs. Every outcome that any threshold
    has on these images stands here once, under a threshold that lies midway between two images.
    """

    rule: AnyRule
    thresholds: tuple[float | None, ...]
    accuracy: tuple[float, ...]
    macs: tuple[float, ...]
    exits: int

    def leaving(self, place: int) -> Leaving:
        """The thresholds of a point of the curve."""
        return Leaving(thresholds=(self.thresholds[place],) * self.exits, rule=self.rule)

    def within_macs(self, most: float) -> int:
        """The point of the best accuracy with so many expected MACs; of equal ones the cheapest.

        ValueError where even the first exit costs more.
        """
        fits = [place for place, macs in enumerate(self.macs) if macs <= most]
        if not fits:
            raise ValueError(
                f"{most:,.0f} MACs cannot be met: where all images leave early, they cost "
                f"{min(self.macs):,.0f}"
            )
        return max(fits, key=lambda place: (self.accuracy[place], -self.macs[place]))

    def within_loss(self, lost: float) -> int:
        """The cheapest point that loses at most so much accuracy (0 to 1) against no exits."""
        least = self.accuracy[0] - lost
        fits = [place for place, accuracy in enumerate(self.accuracy) if accuracy >= least - 1e-12]
        if not fits:
            raise ValueError(f"no thresholds gain {-lost:.2%} of accuracy")
        return min(fits, key=lambda place: (self.macs[place], -self.accuracy[place]))

    def evenly(self, count: int) -> list[int]:
        """Up to so many points along the curve, at about equal distances in MACs, ends included."""
        low, high = self.macs[-1], max(self.macs)
        wanted = [high + (low - high) * step / max(count - 1, 1) for step in range(count)]
        at = torch.tensor(self.macs, dtype=torch.float64)
        return sorted({int((at - macs).abs().argmin()) for macs in wanted} | {0})


def curve_of(heard: Heard, rule: AnyRule, work: Work) -> Curve:
    """All thresholds at once.

    Below a threshold t an image has left by exit e where r_e, the surest of exits 0 to e, is at
    least t. So a sum over images of what exit e adds, c_e - c_(e+1), over all r_e >= t, and c of
    the end, is what all of them have by then: one sort gives the sums for every t.
    """
    images, exits = heard.sure.shape
    reached = (rule.sign * heard.sure).cummax(1).values
    right = heard.right.long()
    costs = torch.tensor(work.until([True] * exits))
    order = reached.flatten().argsort(descending=True, stable=True)
    values = reached.flatten()[order]
    last = torch.cat([values[1:] != values[:-1], torch.tensor([True])])  # of those that are equal

    def sums(deltas: torch.Tensor, end: int) -> list[float]:
        return ((end + deltas.flatten()[order].cumsum(0))[last].double() / images).tolist()

    own = int(right[:, -1].sum())
    accuracy = sums(right[:, :-1] - right[:, 1:], own)
    macs = sums((costs[:-1] - costs[1:]).expand(images, exits), int(costs[-1]) * images)
    values = values[last]
    between = torch.cat([(values[1:] + values[:-1]) / 2, values[-1:]])
    return Curve(
        rule,
        (None, *(rule.sign * between).tolist()),
        (own / images, *accuracy),
        (float(work.alone), *macs),
        exits,
    )
