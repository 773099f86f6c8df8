"""What a sensitivity analysis has found, and how it is written down."""

from typing import Literal

from msgspec import Struct

from training.evaluate import Evaluation

JSON = "sensitivity.json"
Of = Literal["channels", "elements"]


class Tried(Struct, frozen=True, forbid_unknown_fields=True):
    """A group, or a tensor, that has lost so much, all others being whole, and how good that is."""

    group: str
    """The name of a group of channels, or of a tensor."""
    share: float
    """What was asked for, 0 to 1."""
    gone: int
    """Channels, or elements, that went."""
    score: Evaluation


class Sensitivity(Struct, frozen=True, forbid_unknown_fields=True):
    """sensitivity.json: the whole network's score, and those that were tried; maybe not yet all.

    `digest` tells the network, what is taken from it in which order, and the images.
    """

    digest: str
    whole: Evaluation
    tried: tuple[Tried, ...]
    of: Of = "channels"

    def drops(self) -> dict[str, list[tuple[int, float]]]:
        """By group: how many channels went, and the top-1 accuracy that was lost (0 to 1)."""
        found: dict[str, list[tuple[int, float]]] = {}
        for one in self.tried:
            drop = self.whole.top1 - one.score.top1
            found.setdefault(one.group, [(0, 0.0)]).append((one.gone, drop))
        return found


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
