"""Layers that have lost inputs get other weights, so that they answer as the whole network did."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal

import numpy as np
import torch
from msgspec import Struct
from torch import Tensor, fx, nn

from compression.channels.cut import Chosen, masked
from compression.channels.groups import Channels
from compression.patches import by_group, patches_of
from compression.refit.least_squares import Sums
from compression.refit.side_by_side import SideBySide
from compression.selectors import homes_of
from proxyless_nas.counting import in_eval_mode

Pieces = Iterator[tuple[Tensor, Tensor]]
Repair = Literal["lstsq"]
"""How layers make up for channels that are gone: by least squares."""
KINDS = (nn.Conv2d, nn.Linear)
ENOUGH = 2**14
"""Examples by which a layer is fitted: of more, so many are drawn, alike in every image."""


class Refitted(Struct, frozen=True):
    """Squares of what a layer's answers are off on the images, relative to their own squares."""

    layer: str
    before: float
    after: float


@torch.no_grad()
def repaired(
    whole: nn.Module,
    channels: Channels,
    chosen: Chosen,
    images: Tensor,
    but: Collection[str] = (),
) -> tuple[nn.Module, list[Refitted]]:
    """`masked(whole, channels, chosen)`, in which layers that have lost inputs are fitted anew.

    In the order in which `images` [N, C, H, W] pass, the weights of each convolution and linear map
    that took a chosen channel, and its bias where it has one, become those with which its answers
    are nearest to the whole network's, in squares, given what flows into it behind the layers that
    are done (He et al. 2017, section 3.1). Of maps with many places some are drawn, as there. Where
    its answers end in a sum, as on residual branches, they take over what the other summand has
    lost (section 3.2 there). Channels stay zero, and at the places that were looked at no layer is
    farther off than it was with its old weights. Layers that are called more than once, that share
    their weight, or that `but` names, keep it.

    The copy, and by layer what was won, in order. ValueError where the network cannot be traced.
    """
    now = masked(whole, channels, chosen)
    taken, made = _gone(channels, chosen, "takes"), _gone(channels, chosen, "makes")
    fitting = _Fitting(whole, now, {name: taken[name] for name in taken if name not in but}, made)
    with in_eval_mode(whole), in_eval_mode(now):
        if fitting.wanted:
            fitting.run(images)
    return now, fitting.found


def _gone(channels: Channels, chosen: Chosen, role: str) -> dict[str, np.ndarray]:
    """By layer [positions]: which of those along the axis of its weight belong to a chosen one."""
    found: dict[str, np.ndarray] = {}
    for name, numbers in chosen.items():
        for place in channels[name].places:
            if place.role == role and place.own == "weight" and len(numbers):
                gone = np.isin(place.channel, list(numbers))
                found[place.layer] = found.get(place.layer, np.zeros_like(gone)) | gone
    return {name: gone for name, gone in found.items() if gone.any()}


class _Fitting(SideBySide):
    """Fits each layer when it is met."""

    def __init__(
        self,
        whole: nn.Module,
        now: nn.Module,
        taken: Mapping[str, np.ndarray],
        made: Mapping[str, np.ndarray],
    ) -> None:
        super().__init__(whole, now)
        self._layers, self._taken, self._made = dict(now.named_modules()), taken, made
        graph: Any = self.graph
        called = [node.target for node in graph.nodes if node.op == "call_module"]
        self.wanted = {
            name
            for name in taken
            if isinstance(self._layers[name], KINDS)
            and called.count(name) == 1
            and homes_of(now, self._layers[name].weight) == [name]  # type: ignore[arg-type]
        }
        self.found: list[Refitted] = []

    def meets(self, node: fx.Node, given: Tensor, wanted: Tensor) -> None:
        name = str(node.target)
        if name not in self.wanted:
            return
        owed = self.owed(node)
        if owed is not None and owed.shape == wanted.shape:
            wanted = wanted + owed
        self.found.append(self._fit(name, given, wanted))

    def _fit(self, name: str, x: Tensor, wanted: Tensor) -> Refitted:
        layer: Any = self._layers[name]
        weight, bias = layer.weight, layer.bias
        groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
        stays = torch.ones(len(weight), device=weight.device)
        if name in self._made:
            stays[torch.from_numpy(self._made[name]).to(weight.device)] = 0.0
        left = wanted - layer(x)
        over = stays if left.ndim < 3 or isinstance(layer, nn.Linear) else stays[:, None, None]
        drawn = _drawn(len(x), wanted[0, 0].numel() if left.ndim > 3 else 1)
        part = 1.0 if drawn is None else len(drawn) / wanted[0, 0].numel()
        sums = Sums.of(
            (
                (_with_ones(by_group(columns, groups), bias), by_group(answers, groups))
                for columns, answers in _at(drawn, patches_of(layer, x, left * over))
            ),
            whole=part * float((wanted * over).double().square().sum()),
        )
        kept = torch.from_numpy(~self._taken[name]).to(weight.device)
        inputs = kept.repeat_interleave(weight[0, 0].numel())
        moved, after = sums.best(inputs if bias is None else _and_true(inputs))
        if after < sums.rest:
            own = moved[..., : len(inputs)].reshape(weight.shape)
            weight.add_(own.to(weight.dtype))
            if bias is not None:
                bias.add_(moved[..., -1].reshape(bias.shape).to(bias.dtype))
        return Refitted(name, sums.relative(sums.rest), sums.relative(min(after, sums.rest)))


def _drawn(images: int, places: int) -> Tensor | None:
    """Which places of a map are looked at; None for all."""
    count = -(-ENOUGH // images)
    if places <= count:
        return None
    return torch.randperm(places, generator=torch.Generator().manual_seed(0))[:count]


def _at(drawn: Tensor | None, pieces: Pieces) -> Pieces:
    """Patches and answers at these places alone."""
    for columns, answers in pieces:
        if drawn is None:
            yield columns, answers
        else:
            yield columns[..., drawn], answers[..., drawn]


def _with_ones(columns: Tensor, bias: Tensor | None) -> Tensor:
    """[groups, d, n] with a row of ones below where there is a bias."""
    if bias is None:
        return columns
    return torch.cat([columns, columns.new_ones(len(columns), 1, columns.shape[2])], dim=1)


def _and_true(inputs: Tensor) -> Tensor:
    return torch.cat([inputs, inputs.new_ones(1)])
