"""The step that lets a network choose its channels by image: `do: gate`."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from compression.gates.layer import GatedConvolution
from compression.gates.place import Bias, Start, gate, gates_of
from compression.gates.saliency import Pool
from compression.schedule import AnyCurve, values_of
from compression.selectors import Where
from compression.steps.base import AtWork, Step
from proxyless_nas.layer import Shape
from training.companion import Judge, Seen
from training.plan import Plan


class GateStep(Step, frozen=True, tag="gate"):
    """Convolutions compute ceil(density * out) of their channels, others for each image.

    Feature boosting and suppression (Gao et al. 2019): what a convolution takes is pooled to a
    number per channel, a linear map and a ReLU make of these the saliency g of each channel of its
    output, and g takes the place of the scales of the batch norm behind it
    (`compression.gates.layer`). Channels with the largest g are active, the others are zero.
    `density` may be a curve over the times of `when`; ahead of them all are active.

    g begins as the sizes of the norm's scales, or as 1 (`bias: one`, as in the paper), and what W
    adds, drawn from `seed`. `factor` times the mean over images of the sum of all g is added to the
    loss (the paper's lambda, 1e-8). What is left is the network with its gates. A gated convolution
    is called `conv` below its old name by later steps; another step may gate others.

    With a density of 1 a layer computes all its channels, but none of those of its input that are
    zero: so a layer behind a gated one saves what that one has left out.
    """

    replaces_layers: ClassVar[bool] = True
    density: float | AnyCurve
    where: Where = Where(type="Conv2d")
    pool: Pool = "avg"
    start: Start = "truncated-normal"
    deviation: float = 0.05
    """Of the `truncated-normal` weights of the saliency."""
    bias: Bias = "scale"
    factor: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.deviation < 0 or self.factor < 0:
            raise ValueError("`deviation` and `factor` are 0 or more")
        if self.where.role != "weight":
            raise ValueError(f"gates stand at convolutions: leave `role: {self.where.role}` out")

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        times = self.times(plan)
        values = values_of(self.density, len(times))
        for value in values:
            if not 0 < value <= 1:
                raise ValueError(
                    f"a density is a share of the channels, above 0 and up to 1, not {value:g}"
                )
        layers = self.where.layers(network)
        placed = gate(
            network, shape, layers, self.pool, self.start, self.deviation, self.bias, self.seed
        )
        return _Gating(list(placed.values()), dict(zip(times, values, strict=True)), self.factor)


class _Gating(AtWork):
    """Gates whose density changes at some times."""

    def __init__(
        self, gates: list[GatedConvolution], densities: dict[int, float], factor: float
    ) -> None:
        self._gates, self._densities, self._factor = gates, densities, factor
        self.last_change = max(densities)
        for one in gates:
            one.saliency.heard = factor > 0

    def before(self, step: int) -> None:
        if step in self._densities:
            for one in self._gates:
                one.keep(self._densities[step])

    def penalty(self, x: Tensor, logits: Tensor, judge: Judge) -> Tensor | None:
        if not self._factor:
            return None
        sizes = [one.saliency.take().float().sum(1).mean() for one in self._gates]
        return self._factor * torch.stack(sizes).sum()

    def told(self) -> str:
        return f"{len(self._gates)} convolutions choose their channels by image"

    def finished(self, network: nn.Module) -> nn.Module:
        for one in gates_of(network).values():
            one.saliency.heard = False
        return network
