"""Ways to choose how many channels of each group go, so that the network costs what it may."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from msgspec import Struct

from compression.importance.base import Scores, by_own_mean
from compression.sensitivity import Sensitivity
from compression.widths import (
    Gone,
    by_sensitivity,
    evenly,
    least_lost,
    losses_of,
    lowest_first,
    stops_of,
)
from compression.widths.choose import Cost
from compression.widths.least_lost import Losses
from compression.widths.random_points import draw
from compression.widths.rounding import Rounding
from compression.widths.stops import Stops
from proxyless_nas.progress import progress_bar
from training.evaluate import Evaluation


@dataclass(frozen=True)
class Known:
    """What may be asked to choose widths."""

    widths: Mapping[str, int]
    scores: Scores
    comparable: bool
    """Whether scores of different groups are in one unit."""
    multiple: int
    cost: Cost
    most: float
    sensitivity: Callable[[], Sensitivity]
    judge: Callable[[Gone], Evaluation]
    """How good a network is that has lost so much, its batch norms recalibrated, untuned."""


class Choice(Struct, frozen=True, kw_only=True, tag_field="by", forbid_unknown_fields=True):
    """One way; a subclass says which. ValueError where the goal cannot be met."""

    @abstractmethod
    def gone(self, known: Known) -> Gone:
        """How many channels go."""

    def stops(self, widths: Mapping[str, int], multiple: int) -> Stops | None:
        """The only widths that it tries, where it asks for the cost of very many networks."""
        return None


class Evenly(Choice, frozen=True, tag="evenly"):
    """The same share everywhere; widths are rounded to the `nearest` multiple, or `up`."""

    rounding: Rounding = "nearest"

    def gone(self, known: Known) -> Gone:
        return evenly(known.widths, known.cost, known.most, known.multiple, self.rounding)


class LowestFirst(Choice, frozen=True, tag="lowest-first"):
    """What scores least, wherever it is; each group is measured by its own mean, Taylor apart."""

    def gone(self, known: Known) -> Gone:
        scores = known.scores if known.comparable else by_own_mean(known.scores)
        return lowest_first(scores, known.cost, known.most, known.multiple)


class BySensitivity(Choice, frozen=True, tag="by-sensitivity"):
    """Each group may lose the same accuracy, as `ana` has measured it (Vitis AI Optimizer)."""

    def gone(self, known: Known) -> Gone:
        return by_sensitivity(known.sensitivity().drops(), known.cost, known.most)


class LeastLost(Choice, frozen=True, tag="least-lost"):
    """Where least is lost for what is saved: the way to make a latency, which falls in stairs.

    What is lost is what `ana` has measured, or the score: that of Taylor as it is, any other in
    units of its group's mean. Each group is tried at `widths` widths at most.
    """

    worth: Literal["score", "sensitivity"] = "sensitivity"
    widths: int = 8

    def __post_init__(self) -> None:
        if self.widths < 1:
            raise ValueError(f"`widths` {self.widths} is below 1")

    def gone(self, known: Known) -> Gone:
        if self.worth == "score":
            losses = losses_of(known.scores, known.comparable)
        else:
            losses = losses_tried(known.sensitivity(), known.widths)
        stops = stops_of(known.widths, known.multiple, self.widths)
        return least_lost(losses, known.cost, known.most, stops)

    def stops(self, widths: Mapping[str, int], multiple: int) -> Stops | None:
        return stops_of(widths, multiple, self.widths)


class RandomNetworks(Choice, frozen=True, tag="random-networks"):
    """The best of many random networks that cost what they may (EagleEye; Vitis' one-step).

    Shares are drawn around a mean that makes the cost, with a deviation of up to `deviation`; each
    network is judged once its batch norms were recalibrated, without any tuning.
    """

    networks: int = 100
    deviation: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.networks < 1 or not 0 < self.deviation <= 1:
            raise ValueError("`networks` is 1 or more, `deviation` above 0 and up to 1")

    def gone(self, known: Known) -> Gone:
        found: list[tuple[float, float, int, Gone]] = []
        for index in progress_bar(range(self.networks), "random networks", self.networks):
            chance = np.random.default_rng((self.seed, index))
            gone = draw(
                known.widths, known.cost, known.most, chance, self.deviation, known.multiple
            )
            score = known.judge(gone)
            found.append((score.top1, -score.loss, -index, gone))
        return max(found, key=lambda one: one[:3])[3]


def losses_tried(found: Sensitivity, widths: Mapping[str, int]) -> Losses:
    """By group, [width]: how much the loss rose with its first n channels; what was not tried lies
    on a line between what was, behind it on the last one's height."""
    losses = dict[str, np.ndarray]()
    for name, width in widths.items():
        tried = {one.gone: one.score.loss for one in found.tried if one.group == name}
        gone, rise = np.array(sorted({0: found.whole.loss, **tried}.items())).T
        losses[name] = np.maximum.accumulate(np.interp(range(width), gone, rise - rise[0]))
    return losses


AnyChoice = Evenly | LowestFirst | BySensitivity | LeastLost | RandomNetworks
