"""How far a layer's answers to many images move with its weight, as a polynomial of that weight."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from msgspec import Struct
from torch import Tensor, nn

AT_ONCE, NUMBERS, TINY = 64, 2**25, 1e-12
"""Images that are passed at a time; numbers of a layer's patches that are kept at a time."""


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
        for patches, answers in _patches(layer, x, left):
            columns = _by_group(patches, groups)
            gram = gram + columns @ columns.mT
            cross = cross + _by_group(answers, groups) @ columns.mT
    return Squares(gram, cross, rest, max(norm, TINY))


def _answered(layer: Any, x: Tensor, weight: Tensor) -> Tensor:
    if isinstance(layer, nn.Conv2d):
        return layer._conv_forward(x, weight, layer.bias)
    return F.linear(x, weight, layer.bias)


def _patches(layer: Any, x: Tensor, answers: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Of some images at a time what each answer is made of [n, inputs, places], and the answers."""
    if not isinstance(layer, nn.Conv2d):
        yield x.reshape(1, -1, x.shape[-1]).mT, answers.reshape(1, -1, answers.shape[-1]).mT
        return
    around = layer._reversed_padding_repeated_twice
    x = F.pad(x, around, "constant" if layer.padding_mode == "zeros" else layer.padding_mode)
    size: Any = layer.kernel_size
    each = x.shape[1] * size[0] * size[1] * answers.shape[2] * answers.shape[3]
    some = max(1, NUMBERS // each)
    for images, there in zip(x.split(some), answers.split(some), strict=True):
        yield (
            F.unfold(images, size, dilation=layer.dilation, stride=layer.stride),  # type: ignore[arg-type]
            there.flatten(2),
        )


def _by_group(columns: Tensor, groups: int) -> Tensor:
    """[n, groups * d, places] -> [groups, d, n * places]."""
    n, d, places = columns.shape
    cut = columns.reshape(n, groups, d // groups, places)
    return cut.permute(1, 2, 0, 3).reshape(groups, d // groups, n * places)


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
