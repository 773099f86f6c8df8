"""What images cost in a network with gates: as its densities let expect, and as it was counted."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from msgspec import Struct
from torch import Tensor, nn

from compression.gates.layer import GatedConvolution, not_zero
from compression.gates.place import gates_of
from proxyless_nas.counting import in_eval_mode, macs_by_module
from proxyless_nas.hooks import hooked
from proxyless_nas.layer import Shape


class _Call(NamedTuple):
    """Which channels of its input are not all zero, bool [B, in]; which it makes, bool [B, out];
    and the positions of its input map."""

    taken: Tensor
    active: Tensor
    places: int


class LayerWork(Struct, frozen=True):
    """Multiply-accumulates of a gated convolution for one image, on average."""

    dense: int
    """With all channels."""
    overhead: int
    """H W in to pool and in * out to tell the saliency."""
    taken: float
    """The share of input channels that are not all zero."""
    active: float
    """The share of output channels that are computed."""
    macs: float
    """Dense times both shares, image by image, and the overhead."""


class GatesWork(Struct, frozen=True):
    """What an image costs on average, layers without gates included.

    Saved is what gated convolutions need not compute: channels that are not active, and channels of
    their input that are zero. Layers without gates compute everything.
    """

    without_gates: int
    """Of the network with all channels and no saliency."""
    layers: dict[str, LayerWork]

    @property
    def macs(self) -> float:
        """Of the network with its gates."""
        saved = sum(one.dense - one.macs for one in self.layers.values())
        return self.without_gates - saved

    @property
    def share(self) -> float:
        """Of what the network without gates computes."""
        return self.macs / self.without_gates


def measured_work(network: nn.Module, shape: Shape, images: Iterable[Tensor]) -> GatesWork:
    """Counted on batches of `images` [B, *shape]: channels that are zero there save work.

    ValueError where there is no image, or no gate.
    """
    return _averaged(network, shape, (_calls(network, x, None) for x in images))


def expected_work(network: nn.Module, shape: Shape, draws: int = 16) -> GatesWork:
    """As the densities let expect: each gate has other active channels at each of `draws` times.

    Channels are zero in a layer's input where a gate has made them so: then a layer behind another
    takes the share that the other lets through, and behind a sum it takes what any of the two gives
    (Mayo's estimator). What gates let through is drawn by chance and counts as not zero, whatever a
    ReLU makes of it.
    """
    device = next(network.parameters()).device
    x = torch.ones(draws, shape.channels, shape.height, shape.width, device=device)
    return _averaged(network, shape, [_calls(network, x, torch.Generator().manual_seed(0))])


def _averaged(network: nn.Module, shape: Shape, every: Iterable[dict[str, _Call]]) -> GatesWork:
    gates = gates_of(network)
    if not gates:
        raise ValueError("the network has no gates: train it under a recipe with `do: gate`")
    macs, places = macs_by_module(network, shape), dict[str, int]()
    sums = {name: torch.zeros(3, dtype=torch.float64) for name in gates}
    count = 0
    for calls in every:
        for name, call in calls.items():
            shares = call.taken.double().mean(1), call.active.double().mean(1)
            sums[name] += torch.stack([*shares, shares[0] * shares[1]]).sum(1).cpu()
            places[name] = call.places
        count += len(next(iter(calls.values())).taken)
    if not count:
        raise ValueError("nothing is counted: there are no images")
    layers: dict[str, LayerWork] = {}
    for name, part in gates.items():
        dense, channels = macs[f"{name}.conv"], part.conv.in_channels
        overhead = places[name] * channels + channels * part.width
        taken, active, both = (sums[name] / count).tolist()
        layers[name] = LayerWork(dense, overhead, taken, active, dense * both + overhead)
    saliencies = sum(macs[f"{name}.saliency.predict"] for name in gates)
    return GatesWork(sum(macs.values()) - saliencies, layers)


@torch.no_grad()
def _calls(network: nn.Module, x: Tensor, chance: torch.Generator | None) -> dict[str, _Call]:
    """What each gated layer takes and makes of images `x`; with a `chance` gates go by that.

    Then everything with parameters answers with ones, but for what gates let not through.
    """
    gates = gates_of(network)
    names = {part: name for name, part in gates.items()}
    found: dict[str, _Call] = {}

    def gated(part: GatedConvolution, inputs: tuple[Tensor, ...], output: Tensor) -> Any:
        (x,) = inputs
        active = part.active(
            part.saliency(x)
            if chance is None
            else torch.rand(len(x), part.width, generator=chance).to(x.device)
        )
        found[names[part]] = _Call(not_zero(x), active, x.shape[2] * x.shape[3])
        return None if chance is None else torch.ones_like(output) * active[:, :, None, None]

    def other(part: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return torch.ones_like(output)

    inside = {one for part in names for one in part.modules()}
    hooks: list[tuple[nn.Module, Callable[..., Any]]] = [(part, gated) for part in names]
    if chance is not None:
        hooks += [
            (part, other)
            for part in network.modules()
            if part not in inside and next(part.parameters(recurse=False), None) is not None
        ]
    handles = [part.register_forward_hook(hook) for part, hook in hooks]
    with hooked(handles), in_eval_mode(network):
        network(x)
    return found
