"""The step that lets batch norms disappear before a network learns: `do: fold`."""

from typing import ClassVar

from torch import nn

from compression.masks import plain_copy
from compression.quantizers.fold import fold, folded
from compression.schedule import When
from compression.steps.base import AtWork, Step
from proxyless_nas.layer import Shape
from training.companion import Seen
from training.plan import Plan


class FoldStep(Step, frozen=True, tag="fold"):
    """Before anything is learnt, batch norms become part of the layers before them.

    What learns is the network as a device computes it (Jacob et al. 2018, section 3.2, with the
    statistics of the first weights): behind `quantize` its weights are the ones that are stored.
    It works once, so it has no `when`. ValueError where something else also takes what a layer
    before a batch norm makes, and where there is none to fold.
    """

    replaces_layers: ClassVar[bool] = True
    holds_layers: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.when != When():
            raise ValueError("fold works once, before anything is learnt: leave its `when` out")

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        folded(plain_copy(network).cpu(), shape)  # must answer alike, in whole float32
        count = fold(network, shape)
        if not count:
            raise ValueError("no batch norm stands behind a layer that takes it: leave fold out")
        return _Folded(count)


class _Folded(AtWork):
    """Batch norms that are gone."""

    def __init__(self, count: int) -> None:
        self._count = count

    def before(self, step: int) -> None:
        pass

    def told(self) -> str:
        return f"{self._count} batch norms are folded into the layers before them"
