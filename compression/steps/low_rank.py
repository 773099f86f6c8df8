"""The step that makes layers narrower ones in a row: `do: low-rank`."""

from collections.abc import Sequence
from typing import ClassVar

from torch import nn

from compression.low_rank import AnyRank, Tried, factorise, told
from compression.schedule import When
from compression.selectors import Where
from compression.steps.base import AtWork, Step
from proxyless_nas.layer import Shape
from training.companion import Seen
from training.plan import Plan


class LowRankStep(Step, frozen=True, tag="low-rank"):
    """Before anything is learnt, layers become narrower ones, which then learn in their place.

    `rank` says how narrow (`compression/low_rank/ranks.py`), `where` which linear layers and
    convolutions; one whose narrower ones would do as much work is left as it is. `sweeps` fit the
    two sides of a convolution to each other. The step works once: it has no `when`. What it makes
    depends on the first weights alone, so a run that is continued makes the same.
    """

    replaces_layers: ClassVar[bool] = True
    holds_layers: ClassVar[bool] = False
    rank: AnyRank
    where: Where = Where()
    sweeps: int = 0

    def __post_init__(self) -> None:
        if self.when != When():
            raise ValueError("low-rank works once, before anything is learnt: leave its `when` out")
        if self.sweeps < 0:
            raise ValueError(f"{self.sweeps} sweeps are fewer than none")
        if self.where.role != "weight":
            raise ValueError(f"low-rank is about weights: leave `role: {self.where.role}` out")

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        layers = self.where.layers(network)
        found = factorise(network, shape, layers, self.rank, self.sweeps)
        if all(one.left is not None for one in found):
            why = f" ({found[0].name}: {found[0].left})" if found else ""
            raise ValueError(f"none of these layers becomes cheaper by a low rank{why}")
        return _Narrower(found)


class _Narrower(AtWork):
    """Layers that were replaced."""

    def __init__(self, found: Sequence[Tried]) -> None:
        self._found = found

    def before(self, step: int) -> None:
        pass

    def told(self) -> str:
        return told(self._found)
