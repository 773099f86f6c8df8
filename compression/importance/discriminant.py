"""Importance by what tells classes apart: slopes of layers' answers and of heads behind them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from compression.channels.groups import Channels
from compression.importance.base import (
    Batches,
    Importance,
    Scores,
    must_see,
    per_channel,
    takers_of,
)
from compression.importance.middle import Head, answers_of, fitted_head, in_order
from proxyless_nas.counting import in_eval_mode

TINY = 1e-30


class Discriminant(Importance, frozen=True, tag="discriminant"):
    """Discrimination-aware channel pruning (Zhuang et al. 2018, equation 7), as one ranking.

    A channel is worth the squared norm of a slope, with respect to the weights with which a taker
    uses it: that of the mean square by which the taker's answers are off, plus that of the
    cross-entropy of the next head, each in units of its own length over all channels, so that both
    count alike. Slopes are taken where those weights are 0: that is the first step of the paper's
    greedy selection, which adds one channel after another and trains between; here that step ranks
    all. Worths by several takers are added, each in units of its mean.

    `stages` heads stand behind takers, evenly spread, and the network's own answer is the last one.
    A head is a batch norm with the statistics of the images, ReLU, the mean over space, and a
    linear map that learns for `steps` steps from what the whole network gives there.
    """

    stages: int = 3
    steps: int = 200

    def __post_init__(self) -> None:
        if self.stages < 0 or self.steps < 1:
            raise ValueError("`stages` is 0 or more, `steps` 1 or more")

    def scores(self, module: nn.Module, channels: Channels, batches: Batches = ()) -> Scores:
        must_see(batches, self)
        taken = {place.layer: place.tensor for g in channels.groups for place in takers_of(g)}
        if not taken:
            return {}
        with in_eval_mode(module):
            order = in_order(module, list(taken), batches[0][0][:1])
            ends = [(len(order) * (n + 1)) // (self.stages + 1) - 1 for n in range(self.stages)]
            heads = {
                end: fitted_head(module, order[end], batches, self.steps)
                for end in sorted(set(ends))
                if end >= 0
            }
            squares: dict[str, Tensor] = {}
            for number, layer in enumerate(order):
                head = next((heads[end] for end in heads if end >= number), None)
                slope = _slope(module, layer, taken[layer], head, batches)
                squares[taken[layer]] = slope.square()
        found: Scores = {}
        for group in channels.groups:
            each = [
                per_channel(squares[place.tensor], place, group.width) for place in takers_of(group)
            ]
            found[group.name] = torch.stack([one / one.mean().clamp(min=TINY) for one in each]).sum(
                dim=0
            )
        return found


def _slope(
    module: nn.Module, layer: str, tensor: str, head: Head | None, batches: Batches
) -> Tensor:
    """Like the weight of a layer: the slopes of both losses with respect to it, where it is 0."""
    weight = module.get_parameter(tensor).detach()
    off, unlike = torch.zeros_like(weight), torch.zeros_like(weight)
    names = [layer] if head is None else [layer, head.layer]
    for x, y in batches:
        x = x.contiguous()  # see importance.slopes
        with torch.no_grad():
            wanted, _ = answers_of(module, [layer], lambda x=x: module(x))
        nothing = torch.zeros_like(weight, requires_grad=True)

        def run(x: Tensor = x, nothing: Tensor = nothing) -> Tensor:
            return functional_call(module, {tensor: nothing}, (x,))

        given, logits = answers_of(module, names, run)
        pairs = zip(given[layer], wanted[layer], strict=True)
        left = torch.stack([(one - wish).square().mean() for one, wish in pairs]).sum()
        loss = F.cross_entropy(logits if head is None else head(given[head.layer][-1]), y)
        off += torch.autograd.grad(left, [nothing], retain_graph=True)[0]
        unlike += torch.autograd.grad(loss, [nothing])[0]
    return sum((one / one.norm().clamp(min=TINY) for one in (off, unlike)), torch.zeros_like(off))
