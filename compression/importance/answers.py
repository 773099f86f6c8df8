"""Importance by answers: what the layers behind a group are given of its channels."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from compression.channels.groups import Channels, Group
from compression.importance.base import Batches, Importance, Scores, must_see, takers_of
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.hooks import hooked


class ActivationMean(Importance, frozen=True, tag="activation-mean"):
    """The mean size of what the layers that take a channel are given of it."""

    def scores(self, module: nn.Module, channels: Channels, batches: Batches = ()) -> Scores:
        must_see(batches, self)
        return _mean_given(module, channels, batches, torch.abs)


class Apoz(Importance, frozen=True, tag="apoz"):
    """The share that is not zero: one minus APoZ (Hu et al. 2016, equation 1)."""

    def scores(self, module: nn.Module, channels: Channels, batches: Batches = ()) -> Scores:
        must_see(batches, self)
        return _mean_given(module, channels, batches, lambda x: (x != 0).float())


@torch.no_grad()
def _mean_given(
    module: nn.Module, channels: Channels, batches: Batches, of: Callable[[Tensor], Tensor]
) -> Scores:
    """The mean of `of` over all that each channel's takers are given; each taker counts alike."""
    given: dict[str, Tensor] = {}
    seen: dict[str, int] = {}

    def called(name: str, axis: int) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def add(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            rows = of(inputs[0]).movedim(axis, 0).flatten(1)
            total = rows.sum(dim=1, dtype=torch.float64)
            given[name] = given.get(name, torch.zeros_like(total)) + total
            seen[name] = seen.get(name, 0) + rows.shape[1]

        return add

    layers = {place.layer for g in channels.groups for place in takers_of(g)}
    handles = []
    for name in sorted(layers):
        part = module.get_submodule(name)
        axis = -1 if isinstance(part, nn.Linear) else 1
        handles.append(part.register_forward_pre_hook(called(name, axis)))
    with hooked(handles), in_eval_mode(module):
        for x, _ in batches:
            module(x)
    return {group.name: _mean_of(group, given, seen) for group in channels.groups}


def _mean_of(group: Group, given: dict[str, Tensor], seen: dict[str, int]) -> Tensor:
    """[width]: the mean over the takers of a channel of what each was given of it per number."""
    total, takers = (torch.zeros(group.width, dtype=torch.float64) for _ in range(2))
    for place in takers_of(group):
        rows = (
            given[place.layer].cpu().reshape(-1, len(place.channel))
        )  # a grouped layer takes several
        channel = torch.from_numpy(place.channel)
        own = channel >= 0
        sums, counts = (
            torch.zeros(group.width, dtype=torch.float64).index_add_(0, channel[own], one[own])
            for one in (rows.sum(dim=0), torch.full(own.shape, len(rows), dtype=torch.float64))
        )
        total += sums / (counts.clamp(min=1) * seen[place.layer])
        takers += counts > 0
    return (total / takers.clamp(min=1)).float()
