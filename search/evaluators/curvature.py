"""What every option of every layer loses, from one backward pass: losses to second order."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search.evaluators.rounded import RoundedNetwork

DRAWN = 0
"""Seed of the labels that are drawn."""


class Calls:
    """What went into a layer, call by call, and the slopes of log p(y) at what came out."""

    def __init__(self) -> None:
        self.inputs: list[Tensor] = []
        self.outputs: list[Tensor] = []
        self.slopes: list[Tensor] = []

    def keep(self, _: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
        """A hook; what follows has a copy, which it may change in place."""
        self.inputs.append(given[0].detach().clone())
        self.outputs.append(output)
        return output.clone()


def curvature(rounded: RoundedNetwork, x: Tensor) -> list[np.ndarray]:
    """[knobs][options]: how much more each option alone is expected to diverge than the first.

    To second order the mean KL(float || rounded), in nats, is half the mean over images of

        (slope . d)^2,    slope = d log p(y) / d(output of the layer),

    with y drawn from the network's own answer p and d the change of that output: the Fisher
    information in the place of the Hessian (Kunstner et al. 2019, section 2). d is computed for
    options that differ from the first in weights alone, or in activations alone; the losses of
    both add, as those of independent errors do. `x` are images [N, C, H, W].
    """
    problem = rounded.problem
    calls = _watched(rounded.whole, problem.searched, x)
    first, losses = problem.options[0], list[np.ndarray]()
    for switch, name in zip(rounded.switches, problem.searched, strict=True):
        layer, one = rounded.whole.get_submodule(name), calls[name]
        by_weights, by_activations = dict[int, float](), dict[int, float]()
        for pair, candidate in zip(problem.options, switch.candidates, strict=True):
            if pair.activations == first.activations:
                by_weights[pair.weights] = _lost(layer, candidate, one)
            if pair.weights == first.weights:
                by_activations[pair.activations] = _lost(layer, candidate, one)
        whole = by_weights[first.weights]
        losses.append(
            np.array(
                [by_weights[p.weights] + by_activations[p.activations] for p in problem.options]
            )
            - 2 * whole
        )
    return losses


def _watched(network: nn.Module, names: tuple[str, ...], x: Tensor) -> dict[str, Calls]:
    calls = {name: Calls() for name in names}
    hooks = [network.get_submodule(n).register_forward_hook(one.keep) for n, one in calls.items()]
    try:
        with torch.enable_grad():
            answers = network(x.clone().requires_grad_()).log_softmax(dim=1)
            chance = torch.Generator(x.device).manual_seed(DRAWN)
            drawn = torch.multinomial(answers.detach().exp(), 1, generator=chance)[:, 0]
            every = [output for one in calls.values() for output in one.outputs]
            told = F.nll_loss(answers, drawn, reduction="sum")
            slopes = iter(torch.autograd.grad(told, every))
    finally:
        for hook in hooks:
            hook.remove()
    for one in calls.values():
        one.slopes = [next(slopes) for _ in one.outputs]
    return calls


@torch.no_grad()
def _lost(layer: nn.Module, candidate: nn.Module, calls: Calls) -> float:
    along = torch.stack([
        ((candidate(given) - layer(given)) * slope).flatten(1).sum(dim=1)
        for given, slope in zip(calls.inputs, calls.slopes, strict=True)
    ]).sum(dim=0)  # fmt: skip
    return float(along.double().square().mean() / 2)
