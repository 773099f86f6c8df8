"""Round each weight up or down so that its layer answers as before: learned rounding, no labels."""

from typing import Any

import torch
from msgspec import Struct
from torch import Tensor, nn

from compression.quantizers.on_grid import InGroups, OnGrid
from compression.quantizers.place import (
    input_quantizers,
    quantization_of,
    weight_quantizers,
)
from proxyless_nas.progress import progress_bar

STRETCH, LOW = 1.2, -0.1
BETA = (20.0, 2.0)
AT_ONCE, TINY = 64, 1e-12


class Reconstruction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AdaRound (Nagel et al. 2020), layer by layer.

    In the first fifth of the `steps` nothing pushes roundings to 0 or 1; then the push becomes ever
    sharper (section 3.3 there).
    """

    steps: int = 1000
    images: int = 32
    """Images per step."""
    rate: float = 1e-2
    push: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.images < 1:
            raise ValueError("a reconstruction takes 1 step and 1 image or more")


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
    chance = torch.Generator().manual_seed(how.seed)
    found: list[Rebuilt] = []
    network.eval()
    whole.eval()
    for name in progress_bar(names, "reconstruction", len(names)):
        taken = _seen_at(network, name, images, inputs=True)
        answer = _seen_at(whole, name, images, inputs=False)
        layer, quantizer = network.get_submodule(name), quantizers[name]
        found.append(_rebuild(name, layer, quantizer, taken, answer, how, chance))
    return found


def _inner(quantizer: nn.Module | None) -> nn.Module | None:
    """What rounds, without the cut into groups."""
    return quantizer.inner if isinstance(quantizer, InGroups) else quantizer


def _rebuild(
    name: str,
    layer: Any,
    quantizer: nn.Module,
    taken: Tensor,
    answer: Tensor,
    how: Reconstruction,
    chance: torch.Generator,
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

    before = float(_error(layer(taken), answer))
    share = (v - floor).clamp(0.01, 0.99)
    logits = torch.log((share - LOW) / (STRETCH + LOW - share)).requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=how.rate)
    warm = how.steps // 5
    for number in range(how.steps):
        some = torch.randint(len(taken), (min(how.images, len(taken)),), generator=chance)
        with torch.enable_grad():
            up = (torch.sigmoid(logits) * STRETCH + LOW).clamp(0, 1)
            loss = _error(_call(layer, taken[some], rounded(up)), answer[some])
            if number >= warm:
                beta = BETA[0] + (BETA[1] - BETA[0]) * (number - warm) / max(1, how.steps - warm)
                loss = loss + how.push * (1 - (2 * up - 1).abs().pow(beta)).mean()
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
    original.copy_(rounded((logits.detach() > 0).to(floor.dtype)))
    after = float(_error(layer(taken), answer))
    if after > before:
        original.copy_(first)
    return Rebuilt(name, before, min(before, after))


def _call(layer: Any, x: Tensor, weight: Tensor) -> Tensor:
    """What the layer answers with another weight, which is rounded already."""
    quantizer = input_quantizers(layer).get("")
    x = x if quantizer is None else quantizer(x)
    if isinstance(layer, nn.Conv2d):
        return layer._conv_forward(x, weight, layer.bias)
    return nn.functional.linear(x, weight, layer.bias)


def _error(answer: Tensor, expected: Tensor) -> Tensor:
    """The mean square of the difference over that of what was expected."""
    return (answer - expected).square().mean() / expected.square().mean().clamp(min=TINY)


def _seen_at(network: nn.Module, name: str, images: Tensor, inputs: bool) -> Tensor:
    """What flows into a layer, or out of it."""
    found: list[Tensor] = []

    def before(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        found.append(given[0].detach().clone())

    def behind(_: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        found.append(output.detach().clone())

    layer = network.get_submodule(name)
    handle = (
        layer.register_forward_pre_hook(before, prepend=True)
        if inputs
        else layer.register_forward_hook(behind)
    )
    try:
        for part in images.split(AT_ONCE):
            network(part)
    finally:
        handle.remove()
    return torch.cat(found)
