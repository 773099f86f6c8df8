"""Heads in the middle of a network, fitted to what it gives there, and what layers answer."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from msgspec import Struct
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from compression.importance.base import Batches
from proxyless_nas.hooks import hooked

RATE, DECAY = 0.05, 1e-4
TINY = 1e-5


class Head(Struct, frozen=True, eq=False):
    """Batch norm with fixed statistics, ReLU, the mean over space, a linear map [classes, C]."""

    layer: str
    axis: int
    """Where the layer's answers have their channels."""
    mean: Tensor
    deviation: Tensor
    weight: Tensor
    bias: Tensor

    def __call__(self, answers: Tensor) -> Tensor:
        """Logits [B, classes] by what the layer answers."""
        features = _features(answers, self.axis, self.mean, self.deviation)
        return F.linear(features, self.weight, self.bias)


def answers_of(
    module: nn.Module, layers: Sequence[str], run: Callable[[], Tensor]
) -> tuple[dict[str, list[Tensor]], Tensor]:
    """What layers answer, call by call, while a network is run, and what that gives."""
    found: dict[str, list[Tensor]] = {name: [] for name in layers}

    def watched(name: str) -> RemovableHandle:
        def note(_: nn.Module, inputs: tuple[Tensor, ...], answer: Tensor) -> None:
            found[name].append(answer)

        return module.get_submodule(name).register_forward_hook(note)

    handles = [watched(name) for name in found]
    with hooked(handles):
        given = run()
    return found, given


@torch.no_grad()
def in_order(module: nn.Module, layers: Sequence[str], x: Tensor) -> list[str]:
    """Those of the layers that are called, in the order in which they are first."""
    order = list[str]()

    def watched(name: str) -> RemovableHandle:
        def note(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            order.append(name)

        return module.get_submodule(name).register_forward_pre_hook(note)

    handles = [watched(name) for name in layers]
    with hooked(handles):
        module(x)
    return list(dict.fromkeys(order))


def fitted_head(module: nn.Module, layer: str, batches: Batches, steps: int) -> Head:
    """A head behind the last call of a layer; Adam fits it to all images at once."""
    axis = -1 if isinstance(module.get_submodule(layer), nn.Linear) else 1
    total, squares, count = torch.zeros(()), torch.zeros(()), 0
    with torch.no_grad():
        for x, _ in batches:
            rows = _last(module, layer, x).movedim(axis, 0).flatten(1).double()
            total = total.to(rows) + rows.sum(dim=1)
            squares = squares.to(rows) + rows.square().sum(dim=1)
            count += rows.shape[1]
        mean = total / count
        deviation = (squares / count - mean.square()).clamp(min=0).sqrt() + TINY
        some = batches[0][0]
        mean, deviation = mean.to(some), deviation.to(some)
        features = torch.cat(
            [_features(_last(module, layer, x), axis, mean, deviation) for x, _ in batches]
        )
        classes = module(some[:1]).shape[1]
    labels = torch.cat([y for _, y in batches])
    weight = features.new_zeros(classes, features.shape[1], requires_grad=True)
    bias = features.new_zeros(classes, requires_grad=True)
    optimizer = torch.optim.Adam([weight, bias], lr=RATE, weight_decay=DECAY)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(F.linear(features, weight, bias), labels).backward()
        optimizer.step()
    return Head(layer, axis, mean, deviation, weight.detach(), bias.detach())


def _last(module: nn.Module, layer: str, x: Tensor) -> Tensor:
    return answers_of(module, [layer], lambda: module(x))[0][layer][-1]


def _features(answers: Tensor, axis: int, mean: Tensor, deviation: Tensor) -> Tensor:
    """[B, C]: normalised, cut off below 0, averaged over what is neither image nor channel."""
    last = answers.movedim(axis, -1)
    return ((last - mean) / deviation).relu().reshape(len(last), -1, last.shape[-1]).mean(dim=1)
