"""How far a layer's answers to many images move with its weight, as a polynomial of that weight."""

from typing import Any

import torch
import torch.nn.functional as F
from msgspec import Struct
from torch import Tensor, nn

from compression.patches import by_group, patches_of

AT_ONCE, TINY = 64, 1e-12
"""Images that are passed at a time."""


class Squares(Struct, frozen=True, eq=False):
    """The mean square of (weight + moved) x + bias - y over all x, relative to that of y.

    A layer is linear in its weight, so three sums say it for every weight, and no image is needed
    again. For g groups of o outputs and d inputs each: `gram` [g, d, d] is the sum of x x^T,
    `cross` [g, o, d] that of r x^T where r is y less what the weight answers; `rest` is that of r^2
    and `whole` that of y^2.
    """

    gram: Tensor
    cross: Tensor
    rest: float
    whole: float

    def error(self, moved: Tensor) -> float:
        """At a weight that was moved by so much, in the layer's own shape."""
        step = moved.reshape(self.cross.shape)
        cross = (2 * self.cross.double() * step.double()).sum()
        return float((step @ self.gram).double().mul(step).sum() - cross + self.rest) / self.whole

    def slope(self, moved: Tensor) -> Tensor:
        """Of the error, in the layer's own shape."""
        step = moved.reshape(self.cross.shape)
        return ((step @ self.gram - self.cross) * (2 / self.whole)).reshape(moved.shape)


@torch.no_grad()
def squares_of(
    network: nn.Module, whole: nn.Module, name: str, weight: Tensor, images: Tensor
) -> Squares:
    """Of the convolution or linear map `name`, given what flows into it in `network` as it is.

    x is its input as its quantizer rounds it, y what it answers in `whole` to the same `images`
    [N, C, H, W], and `weight` that from which moves are counted. Both networks are in eval mode.
    """
    layer: Any = network.get_submodule(name)
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    gram, cross, rest, norm = torch.zeros(()), torch.zeros(()), 0.0, 0.0
    for part in images.split(AT_ONCE):
        x = _flow_at(network, name, part, behind=False)
        y = _flow_at(whole, name, part, behind=True)
        left = y - _answered(layer, x, weight)
        rest += float(left.double().square().sum())
        norm += float(y.double().square().sum())
        for patches, answers in patches_of(layer, x, left):
            columns = by_group(patches, groups)
            gram = gram + columns @ columns.mT
            cross = cross + by_group(answers, groups) @ columns.mT
    return Squares(gram, cross, rest, max(norm, TINY))


def _answered(layer: Any, x: Tensor, weight: Tensor) -> Tensor:
    if isinstance(layer, nn.Conv2d):
        return layer._conv_forward(x, weight, layer.bias)
    return F.linear(x, weight, layer.bias)


class _Seen(Exception):
    """What was looked for has passed; the rest of the network need not run."""


def _flow_at(network: nn.Module, name: str, images: Tensor, behind: bool) -> Tensor:
    """What flows into a layer, behind its own hooks, or out of it."""
    found: list[Tensor] = []

    def note(_: nn.Module, given: tuple[Tensor, ...], answer: Tensor | None = None) -> None:
        found.append(given[0] if answer is None else answer)
        raise _Seen

    part = network.get_submodule(name)
    handle = part.register_forward_hook(note) if behind else part.register_forward_pre_hook(note)
    try:
        network(images)
    except _Seen:
        pass
    finally:
        handle.remove()
    return found[0]
