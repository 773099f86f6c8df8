"""Put narrower layers into a network where they do less work than the layer that was there."""

from collections.abc import Sequence

from msgspec import Struct
from torch import nn

from compression.low_rank.factors import factored, weights_of, whole
from compression.low_rank.ranks import AnyRank
from compression.replacing import put
from compression.selectors import homes_of
from proxyless_nas.counting import layers_of
from proxyless_nas.layer import Layer, Shape


class Tried(Struct, frozen=True):
    """What became of one layer."""

    name: str
    before: int
    """Multiply-accumulates for one image."""
    after: int
    ranks: tuple[int, ...] = ()
    """Channels between the new layers, from the input on; none where it was left as it is."""
    error: float = 0.0
    """Of the weight: the length of the difference, relative to the length of the whole."""
    left: str | None = None
    """Why it was left, if so."""


def factorise(
    network: nn.Module, shape: Shape, layers: Sequence[str], rank: AnyRank, sweeps: int = 0
) -> tuple[Tried, ...]:
    """Let linear layers and convolutions be `factored`, in the network itself, where that saves.

    Of the named `layers` those of other classes are passed over. MACs are those for one image of
    `shape`. A layer is left as it is where the new ones would do as much, where the network's code
    does not call it, where its weight is that of another layer too, and where it has groups.
    """
    calls: dict[str, list[Layer]] = {}
    for call in layers_of(network, shape):
        calls.setdefault(call.name, []).append(call)
    found: list[Tried] = []
    for name in layers:
        layer = network.get_submodule(name)
        if isinstance(layer, nn.Conv2d | nn.Linear):
            own = calls.get(name, [])
            reason = _reason(network, name, layer, own)
            found.append(
                _tried(network, name, layer, own, rank, sweeps)
                if reason is None
                else _left(name, own, reason)
            )
    return tuple(found)


def _tried(
    network: nn.Module,
    name: str,
    layer: nn.Conv2d | nn.Linear,
    calls: Sequence[Layer],
    rank: AnyRank,
    sweeps: int,
) -> Tried:
    made = factored(layer, rank, sweeps)
    ranks = tuple(len(weight) for weight in weights_of(made)[:-1])
    before = sum(call.macs for call in calls)
    after = sum(_macs(made, call) for call in calls)
    if after >= before:
        told = " and ".join(map(str, ranks))
        return _left(name, calls, f"rank {told} saves nothing")
    put(network, layer, made)
    weight = layer.weight.detach().cpu().double()
    error = float((whole(made) - weight).norm() / weight.norm())
    return Tried(name, before, after, ranks, error)


def _reason(
    network: nn.Module, name: str, layer: nn.Conv2d | nn.Linear, calls: Sequence[Layer]
) -> str | None:
    """Why a layer cannot be replaced, if so."""
    if type(layer) not in (nn.Conv2d, nn.Linear):
        return f"a {type(layer).__name__} does more than its kind"
    if isinstance(layer, nn.Conv2d) and layer.groups > 1:
        return "it has groups"
    if layer is network:
        return "it is the whole network"
    if not calls:
        return "it is not called as a layer"
    homes = homes_of(network, layer.weight)
    if len(homes) > 1:
        return f"its weight is that of {', '.join(home for home in homes if home != name)} too"
    if not layer.weight.any():
        return "it is zero"
    return None


def _left(name: str, calls: Sequence[Layer], reason: str) -> Tried:
    macs = sum(call.macs for call in calls)
    return Tried(name, macs, macs, left=reason)


def _macs(made: nn.Sequential, call: Layer) -> int:
    """Multiply-accumulates of the new layers in place of one call of the old one."""
    after = call.output.height * call.output.width
    first = call.input.height * call.input.width if len(made) == 3 else after
    places = (first, *([after] * (len(made) - 1)))
    return sum(
        count * weight.numel() for count, weight in zip(places, weights_of(made), strict=True)
    )


def told(found: Sequence[Tried]) -> str:
    """What became of the layers, in a line, and one more for each reason to leave some."""
    replaced = [one for one in found if one.left is None]
    before, after = (sum(getattr(one, of) for one in replaced) for of in ("before", "after"))
    names: dict[str, list[str]] = {}
    for one in found:
        if one.left is not None:
            names.setdefault(one.left, []).append(one.name)
    lines = [
        f"{len(replaced)} of {len(found)} layers have a low rank now: their {before / 1e6:,.2f} M "
        f"multiply-accumulates became {after / 1e6:,.2f} M",
        *(f"left as it is, for {reason}: {', '.join(of)}" for reason, of in names.items()),
    ]
    return "\n  ".join(lines)
