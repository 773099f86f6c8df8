"""Who leaves where: how sure an exit is of an image, and how sure is enough."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from msgspec import Struct
from torch import Tensor


class _Rule(Struct, frozen=True, tag_field="by", forbid_unknown_fields=True):
    """A number for each image that says how sure an exit is."""

    sign: ClassVar[int]
    """1 where a larger number is surer, -1 where a smaller one is."""

    def value(self, logits: Tensor) -> Tensor:
        """float64 [B] of logits [B, classes]."""
        raise NotImplementedError

    def enough(self, logits: Tensor, threshold: float) -> Tensor:
        """Which images may leave, bool [B]: those at the threshold, too."""
        return self.sign * self.value(logits) >= self.sign * threshold


class Confidence(_Rule, frozen=True, tag="confidence"):
    """The largest probability (Kaya et al. 2019); an image leaves where it is that large."""

    sign = 1

    def value(self, logits: Tensor) -> Tensor:
        return logits.double().softmax(1).amax(1)


class Entropy(_Rule, frozen=True, tag="entropy"):
    """Of the probabilities, in nats (Teerapittayanon et al. 2016); an image leaves up to it."""

    sign = -1

    def value(self, logits: Tensor) -> Tensor:
        said = logits.double().log_softmax(1)
        return -(said.exp() * said).sum(1)


AnyRule = Confidence | Entropy


class Leaving(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A threshold for every exit, in order; None: no image leaves there, and nobody asks it."""

    thresholds: tuple[float | None, ...]
    rule: AnyRule = Confidence()

    def tests(self, exits: int) -> list[Callable[[Tensor], Tensor] | None]:
        """For each exit: which images of logits [B, classes] leave, bool [B]."""
        if len(self.thresholds) != exits:
            raise ValueError(f"{len(self.thresholds)} thresholds do not fit {exits} exits")
        return [
            None if one is None else partial(self.rule.enough, threshold=one)
            for one in self.thresholds
        ]
