"""Small networks whose weights, slopes and targets are one vector each: an update is few calls."""

import copy
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor, optim

Layers = list[tuple[Tensor, Tensor]]  # weight [before, after] and bias [after] of each


class Perceptron:
    """Linear layers with ReLU between them, drawn as torch draws them; Adam; a slow target.

    Its backward pass is written out: in networks this small, what autograd does around the
    products takes a fifth of the time.
    """

    def __init__(self, widths: Sequence[int], lr: float, tau: float, generator: Generator) -> None:
        self._shapes = list(pairwise(widths))
        self._tau = tau
        self._vector = torch.cat([_drawn(*shape, generator) for shape in self._shapes])
        self._target = self._vector.clone()
        self._vector.grad = torch.zeros_like(self._vector)
        self._adam = optim.Adam([self._vector], lr=lr, fused=True)
        self._layers = self._cut(self._vector)
        self._target_layers = self._cut(self._target)
        self._gradients = self._cut(self._vector.grad)

    def forward(self, x: Tensor) -> list[Tensor]:
        """What goes into each layer [batch, before], and what comes out at last [batch, last]."""
        return _forward(self._layers, x)

    def target(self, x: Tensor) -> Tensor:
        """[batch, last], by the target's weights."""
        return _forward(self._target_layers, x)[-1]

    def slopes_at_input(self, passed: list[Tensor], slopes: Tensor) -> Tensor:
        """dL/dx [batch, first], where `slopes` [batch, last] is dL/d(output) of that pass."""
        *_, (_, reached) = self._backward(passed, slopes)
        return reached @ self._layers[0][0].t()

    def learn(self, passed: list[Tensor], slopes: Tensor) -> None:
        """One step of Adam down dL/d(weights); the target follows."""
        for place, reached in self._backward(passed, slopes):
            weight, bias = self._gradients[place]
            torch.mm(passed[place].t(), reached, out=weight)
            torch.sum(reached, dim=0, out=bias)
        self._adam.step()
        self._target.lerp_(self._vector, self._tau)

    def state(self) -> dict[str, Any]:
        """Weights, targets and moments."""
        return {
            "vector": self._vector.clone(),
            "target": self._target.clone(),
            "adam": copy.deepcopy(self._adam.state_dict()),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`."""
        self._vector.copy_(state["vector"])
        self._target.copy_(state["target"])
        self._adam.load_state_dict(state["adam"])

    def _backward(self, passed: list[Tensor], slopes: Tensor) -> Iterator[tuple[int, Tensor]]:
        """(layer, dL/d(its output)), the last layer first."""
        for place in reversed(range(len(self._layers))):
            yield place, slopes
            if place:
                slopes = torch.mm(slopes, self._layers[place][0].t()).mul_(passed[place] > 0)

    def _cut(self, vector: Tensor) -> Layers:
        """Views of a vector as weights and biases."""
        sizes = [size for before, after in self._shapes for size in (before * after, after)]
        parts = iter(vector.split(sizes))
        return [(next(parts).view(shape), next(parts)) for shape in self._shapes]


def _forward(layers: Layers, x: Tensor) -> list[Tensor]:
    passed = [x]
    for weight, bias in layers:
        if len(passed) > 1:
            passed[-1].clamp_min_(0.0)
        passed.append(torch.addmm(bias, passed[-1], weight))
    return passed


def _drawn(before: int, after: int, generator: Generator) -> Tensor:
    """Weights and biases of one layer, uniform within 1 / sqrt(before)."""
    drawn = torch.rand(after * (before + 1), generator=generator)
    return (2 * drawn - 1) / math.sqrt(before)
