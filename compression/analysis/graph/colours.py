"""Which box belongs to which group of channels, and how it looks for that."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct
from torch import nn

from compression.analysis.graph.boxes import Box
from compression.channels.groups import Channels, Group
from compression.channels.layers import CONVOLUTIONS
from proxyless_nas.drawing.palette import FILLS, contrast

ALONE, KEPT = "random hollow", "block fixed"
"""Style classes of boxes whose channels leave no other layer with them, or never leave."""


class Look(Struct, frozen=True):
    """How a box looks, and why: the number of its group, or the reason for which its channels stay.

    Neither is there where channels of several groups meet, or where there are none.
    """

    box: str
    text: str
    group: int | None = None
    reason: str | None = None


def layers_of_group(module: nn.Module, group: Group) -> tuple[str, ...]:
    """The layers that make a group's channels, and the depthwise convolutions that carry them."""
    carriers = (
        place.layer
        for place in group.places
        if place.role == "carries"
        and place.own == "weight"
        and isinstance(module.get_submodule(place.layer), CONVOLUTIONS)
    )
    return tuple(dict.fromkeys((*group.makers, *carriers)))


def looks_of(module: nn.Module, boxes: Sequence[Box], channels: Channels) -> tuple[Look, ...]:
    """Boxes of layers that lose channels together have a colour; layers that lose them alone none.

    What is no layer looks as what it is given. Two groups have the same colour only if one is over
    before the other begins, or if more groups pass by each other than there are colours.
    """
    layers = [layers_of_group(module, group) for group in channels.groups]
    home = {layer: number for number, each in enumerate(layers) for layer in each}
    shared = Counter(layer for each in layers for layer in each)
    found: list[tuple[int | None, str | None]] = []
    for box in boxes:
        own = [
            (home.get(part), channels.kept.get(part))
            for part in box.parts
            if part in home or part in channels.kept
        ]
        given = {found[one] for one in box.inputs}
        if own:
            several = any(shared[part] > 1 for part in box.parts)
            found.append((None, None) if several else own[0])
        else:
            found.append(given.pop() if len(given) == 1 else (None, None))
    coloured = {number for number, each in enumerate(layers) if len(each) > 1}
    colours = _colours([group if group in coloured else None for group, _ in found])
    return tuple(_look(group, reason, colours) for group, reason in found)


def _look(group: int | None, reason: str | None, colours: dict[int, str]) -> Look:
    if reason is not None:
        return Look(KEPT, "on on-light", reason=reason)
    colour = None if group is None else colours.get(group)
    if colour is None:
        return Look(ALONE, "on", group=group)
    return Look(colour, f"on {contrast(colour)}", group=group)


def _colours(groups: Sequence[int | None]) -> dict[int, str]:
    """Each group takes, when it begins, the colour whose last group has been over for longest."""
    last = {group: place for place, group in enumerate(groups) if group is not None}
    free = {f"kind-{number}": -1 for number in range(len(FILLS))}
    found: dict[int, str] = {}
    for group in groups:
        if group is not None and group not in found:
            found[group] = min(free, key=free.__getitem__)
            free[found[group]] = last[group]
    return found
