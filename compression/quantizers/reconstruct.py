"""Round each weight up or down so that its layer answers as before: learned rounding, no labels."""

from typing import Any

import torch
from msgspec import Struct
from torch import Tensor, nn

from compression.quantizers.on_grid import InGroups, OnGrid
from compression.quantizers.place import quantization_of, weight_quantizers
from compression.quantizers.squares import Squares, squares_of
from proxyless_nas.progress import progress_bar

STRETCH, LOW = 1.2, -0.1
BETA = (20.0, 2.0)


class Reconstruction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AdaRound (Nagel et al. 2020), layer by layer.

    In the first fifth of the `steps` nothing pushes roundings to 0 or 1; then the push becomes ever
    sharper (section 3.3 there). Every step is over all images, by sums that are made once.
    """

    steps: int = 1000
    rate: float = 1e-2
    push: float = 0.01

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"a reconstruction takes 1 step or more, not {self.steps}")


class Rebuilt(Struct, frozen=True):
    """Mean squares of what a layer's answer differs by from the float one's, relative to that's."""

    layer: str
    before: float
    after: float


@torch.no_grad()
def reconstruct(
    network: nn.Module, whole: nn.Module, images: Tensor, how: Reconstruction
) -> list[Rebuilt]:
    """Choose the roundings of all weights on evenly spaced levels, in the network itself.

    Each layer in turn is given what flows into it behind those that are done, and must answer what
    it answers in `whole`, the network in float. `images` [N, C, H, W] need no labels. A layer whose
    answer does not come nearer keeps its roundings.
    """
    quantizers = weight_quantizers(network)
    names = [name for name in quantization_of(network).layers
             if isinstance(_inner(quantizers.get(name)), OnGrid)]  # fmt: skip
    found: list[Rebuilt] = []
    network.eval()
    whole.eval()
    for name in progress_bar(names, "reconstruction", len(names)):
        layer: Any = network.get_submodule(name)
        weight = layer.parametrizations.weight.original
        squares = squares_of(network, whole, name, weight, images)
        found.append(_rebuild(name, layer, quantizers[name], squares, how))
    return found


def _inner(quantizer: nn.Module | None) -> nn.Module | None:
    """What rounds, without the cut into groups."""
    return quantizer.inner if isinstance(quantizer, InGroups) else quantizer


def _rebuild(
    name: str, layer: Any, quantizer: nn.Module, squares: Squares, how: Reconstruction
) -> Rebuilt:
    original = layer.parametrizations.weight.original
    first = original.detach().clone()
    inner = _inner(quantizer)
    assert isinstance(inner, OnGrid)
    offset = 0.0 if inner.offset is None else inner.offset.detach()
    step, grid = inner.size(), inner.grid
    rows = first.reshape(-1, quantizer.group) if isinstance(quantizer, InGroups) else first
    v = (rows - offset) / step - grid.shift
    floor = v.floor()

    def rounded(up: Tensor) -> Tensor:
        levels = (floor + up).clamp(grid.low, grid.high) + grid.shift
        return (levels * step + offset).reshape(first.shape)

    before = squares.error(quantizer(first) - first)
    share = (v - floor).clamp(0.01, 0.99)
    logits = torch.log((share - LOW) / (STRETCH + LOW - share)).requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=how.rate)
    warm = how.steps // 5
    for number in range(how.steps):
        with torch.enable_grad():
            up = (torch.sigmoid(logits) * STRETCH + LOW).clamp(0, 1)
            weight = rounded(up)
            loss = (weight * squares.slope(weight.detach() - first)).sum()
            if number >= warm:
                beta = BETA[0] + (BETA[1] - BETA[0]) * (number - warm) / max(1, how.steps - warm)
                loss = loss + how.push * (1 - (2 * up - 1).abs().pow(beta)).mean()
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
    chosen = rounded((logits.detach() > 0).to(floor.dtype))
    after = squares.error(chosen - first)
    if after <= before:
        original.copy_(chosen)
    return Rebuilt(name, before, min(before, after))
