"""While a network trains: heads that listen to its parts, and answer in the same pass."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from compression.exits.heads import Exit, Head, fresh_heads
from compression.exits.network import WithExits, must_part
from compression.masks import plain_copy
from proxyless_nas.layer import Shape

EXITS = "exits"
"""Where the heads stand in the network that trains."""


class Tap:
    """A forward hook: lets a head answer to what a part of the network gives, and keeps that.

    In eval mode nothing happens. A copy of the network has copies of its taps.
    """

    def __init__(self, place: Exit, head: Head) -> None:
        self.place, self.head = place, head
        self.said: Tensor | None = None

    def __call__(self, part: nn.Module, inputs: Any, output: Tensor) -> None:
        if any(one.training for one in self.head.modules()):  # or only its batch norms
            said = self.head(output)
            self.said = said if torch.is_grad_enabled() else None

    def take(self) -> Tensor:
        """The logits [B, classes] of the last pass, once."""
        assert self.said is not None, f"nothing has passed {self.place.behind}"
        said, self.said = self.said, None
        return said

    def __deepcopy__(self, memo: dict[int, Any]) -> "Tap":
        return Tap(self.place, deepcopy(self.head, memo))


def tap(network: nn.Module, shape: Shape, places: tuple[Exit, ...], seed: int) -> list[Tap]:
    """Put fresh heads, drawn from `seed`, into `network`; they learn with it from now on.

    ValueError where they cannot stand there, or where images could not leave later.
    """
    if taps_of(network) or hasattr(network, EXITS):
        raise ValueError("the network has exits already: say all of them in one step")
    heads = fresh_heads(network, shape, places, seed)
    plain = plain_copy(network)
    must_part(plain, WithExits(plain, places, heads), shape)
    setattr(network, EXITS, heads)
    taps = [Tap(place, head) for place, head in zip(places, heads, strict=True)]  # type: ignore[arg-type]
    for one in taps:
        network.get_submodule(one.place.behind).register_forward_hook(one)
    return taps


def taps_of(network: nn.Module) -> list[Tap]:
    """The taps of a network, or of a copy, in the order of its exits."""
    found = [
        hook
        for part in network.modules()
        for hook in part._forward_hooks.values()
        if isinstance(hook, Tap)
    ]
    heads = [*getattr(network, EXITS, ())]
    return sorted(found, key=lambda one: heads.index(one.head))


def untapped(network: nn.Module) -> WithExits:
    """A tapped network, taken apart: its parts and heads as a network with exits."""
    taps = taps_of(network)
    for part in network.modules():
        for number, hook in list(part._forward_hooks.items()):
            if isinstance(hook, Tap):
                del part._forward_hooks[number]
    heads = getattr(network, EXITS)
    delattr(network, EXITS)
    return WithExits(network, [one.place for one in taps], heads)
