"""The page of a network's drawing: the picture, its groups, and what stays for which reason."""

from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct
from torch import nn

from compression.analysis.graph.boxes import Box, boxes_of
from compression.analysis.graph.colours import ALONE, KEPT, Look, layers_of_group, looks_of
from compression.analysis.graph.picture import draw
from compression.channels.cut import noise
from compression.channels.groups import Channels, find_channels
from proxyless_nas.counting import macs_of, parameters_of
from proxyless_nas.drawing.markup import Markup, join, tag
from proxyless_nas.drawing.page import VIEW, Chart, document, write_svg
from proxyless_nas.drawing.svg import legend
from proxyless_nas.drawing.tables import pairs
from proxyless_nas.drawing.words import count
from proxyless_nas.files import write_bytes
from proxyless_nas.layer import Shape

SMALLEST, LARGEST = 0.8, 1.2  # of its own size, between which a picture fits a screen, or scrolls
NOTE = (
    "A box is a layer with the norm and the activation behind it: its name, what it does, its "
    "output for one image, then multiply-accumulates and parameters. Data flow down. The number in "
    "a corner is that of the group of channels."
)


class Drawing(Struct, frozen=True):
    """A network as it is drawn."""

    title: str
    told: str
    boxes: tuple[Box, ...]
    looks: tuple[Look, ...]
    channels: Channels
    layers: tuple[tuple[str, ...], ...]
    """Of every group, those that lose channels together."""

    @property
    def picture(self) -> Markup:
        """An svg element."""
        return draw(self.boxes, self.looks, self.channels, self.title)


def drawing_of(name: str, module: nn.Module, shape: Shape) -> Drawing:
    """How a network of this name is drawn, as images of `shape` pass.

    ValueError where it cannot be traced.
    """
    channels = find_channels(module, noise(shape, module))
    boxes = boxes_of(module, shape)
    told = (
        f"Input {shape}; {count(macs_of(module, shape))} MACs, "
        f"{count(parameters_of(module))} parameters. Groups of channels that can leave: "
        f"{len(channels.groups)}; layers whose channels stay: {len(channels.kept)}."
    )
    layers = tuple(layers_of_group(module, group) for group in channels.groups)
    looks = looks_of(module, boxes, channels)
    return Drawing(name, told, boxes, looks, channels, layers)


def write_drawing(drawing: Drawing, file: str | Path) -> None:
    """Write a page (.html) or a picture (.svg), atomically; ValueError for another name."""
    writer_of(file)(drawing, file)


def writer_of(file: str | Path) -> "Writer":
    """What writes a file of this name; ValueError where it is neither a page nor a picture."""
    writer = WRITERS.get(Path(file).suffix)
    if writer is None:
        raise ValueError(f"{file} ends neither with .html nor with .svg: name a page or a picture")
    return writer


def _write_page(drawing: Drawing, file: str | Path) -> None:
    write_bytes(file, _page(drawing).encode("utf-8", "replace"))


def _write_picture(drawing: Drawing, file: str | Path) -> None:
    told = f"{drawing.told} {NOTE}"
    write_svg(file, Chart(drawing.title, told, lambda _: drawing.picture))


Writer = Callable[[Drawing, str | Path], None]
WRITERS: dict[str, Writer] = {".html": _write_page, ".svg": _write_picture}


def _page(drawing: Drawing) -> str:
    drawn = drawing.picture
    view = VIEW.search(drawn)
    assert view is not None, "a picture has a viewBox"
    width = float(view[1])
    least, most = SMALLEST * width, LARGEST * width
    room = f"min-width: {least:.0f}px; max-width: {most:.0f}px; margin: 0 auto"
    figure = tag(
        "figure",
        tag("p", NOTE, class_="quiet caption"),
        _legend(),
        tag("div", tag("div", drawn, style=room), class_="scroll"),
    )
    return document(
        drawing.title,
        tag("header", tag("h1", drawing.title), tag("p", drawing.told, class_="quiet")),
        tag("section", tag("h2", "Layers"), figure),
        tag("section", tag("h2", "Channels that leave together"), _groups(drawing)),
        tag("section", tag("h2", "Channels that stay"), _kept(drawing)),
    )


def _legend() -> Markup:
    meanings = {
        "kind-1": "a colour: layers that lose the same channels",
        ALONE: "white: channels that leave no other layer with them, or none",
        KEPT: "grey: channels that stay",
    }
    box = {"x": -7, "y": -5, "width": 14, "height": 10, "rx": 2}
    return legend(
        [(tag("rect", class_=class_, **box), meaning) for class_, meaning in meanings.items()]
    )


def _groups(drawing: Drawing) -> Markup:
    rows: list[tuple[str, str]] = []
    for number, group in enumerate(drawing.channels.groups):
        taken = dict.fromkeys(place.layer for place in group.places if place.role == "takes")
        lose, given = (", ".join(layers) for layers in (drawing.layers[number], taken))
        told = tag("div", lose), tag("div", f"given to {given or 'no layer'}", class_="quiet")
        rows.append((f"{number + 1}: {group.width} channels", join(told)))
    return _pairs(rows)


def _kept(drawing: Drawing) -> Markup:
    return _pairs(list(drawing.channels.kept.items()))


def _pairs(rows: Sequence[tuple[str, str]]) -> Markup:
    return pairs(rows) if rows else tag("p", "None.", class_="note")
