"""Importance by slopes: how much the loss would change, to first order, were a channel zero."""

import torch
import torch.nn.functional as F
from torch import nn

from compression.channels.groups import Channels
from compression.importance.base import Batches, Importance, Scores, must_see, summed, takers_of
from proxyless_nas.counting import in_eval_mode


class Taylor(Importance, frozen=True, tag="taylor"):
    """The mean over batches of (dL/dg)^2, g a gate of 1 at the channel (Molchanov et al. 2019).

    A gate multiplies what the layers that take a channel are given of it, so dL/dg is the sum over
    their weights for it of slope times weight. Batch norm takes its running statistics; gradients
    that stand in the module stay as they are.
    """

    @property
    def comparable(self) -> bool:
        return True

    def scores(self, module: nn.Module, channels: Channels, batches: Batches = ()) -> Scores:
        must_see(batches, self)
        taken = {place.tensor for group in channels.groups for place in takers_of(group)}
        if not taken:
            return {}
        weights = {name: module.get_parameter(name) for name in sorted(taken)}
        found = {group.name: torch.zeros(group.width) for group in channels.groups}
        with in_eval_mode(module):
            for x, y in batches:
                # torch's slopes with channels last: see training.device.learns_in_channels_last
                loss = F.cross_entropy(module(x.contiguous()), y)
                slopes = torch.autograd.grad(loss, list(weights.values()))
                products = {
                    name: slope * weight.detach()
                    for (name, weight), slope in zip(weights.items(), slopes, strict=True)
                }
                for group in channels.groups:
                    change = summed(group, takers_of(group), products)
                    found[group.name] += change.square().cpu() / len(batches)
        return found
