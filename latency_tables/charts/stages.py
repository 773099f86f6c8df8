"""A chart of where the latency of networks goes: by the size of the maps that blocks hand on."""

from collections.abc import Sequence

from msgspec import Struct

from latency_tables.cost import TableLatency
from latency_tables.table import LatencyTable
from proxyless_nas.blocks import AnyBlock, Classifier
from proxyless_nas.drawing.bars import Bar, bar_chart
from proxyless_nas.drawing.page import Chart
from proxyless_nas.drawing.words import milliseconds, percent, places_for
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec
from proxyless_nas.space import Space


class Place(Struct, frozen=True):
    """A place in a network, and the blocks of which one stands there."""

    name: str
    candidates: tuple[AnyBlock, ...]
    input: Shape


class Stage(Struct, frozen=True):
    """Places in a row whose blocks hand on maps of one size, and what they cost together."""

    size: str
    names: tuple[str, ...]
    ms: float


def stages_of(table: LatencyTable, whole: Space | NetworkSpec) -> list[Stage]:
    """The stages of a network; of a space, a place costs the mean over its candidates.

    Prices are those of a search: calibrated where the table is, nothing for a skip. The part that
    every network pays comes last. LookupError names what the table lacks.
    """
    cost = TableLatency(table)
    places = _places(whole)
    table.entries_of((block, place.input) for place in places for block in place.candidates)
    stages: list[Stage] = []
    for place in places:
        prices = [cost.block(block, place.input) for block in place.candidates]
        price = sum(prices) / len(prices)
        size = _size(place)
        if stages and stages[-1].size == size:
            last = stages.pop()
            stages.append(Stage(size, (*last.names, place.name), last.ms + price))
        else:
            stages.append(Stage(size, (place.name,), price))
    if cost.fixed() > 0:
        stages.append(Stage("once per call", (), cost.fixed()))
    return stages


def stage_chart(table: LatencyTable, whole: Space | NetworkSpec) -> Chart:
    """Bars, from the input on."""
    stages = stages_of(table, whole)
    total = sum(stage.ms for stage in stages)
    places = min(4, places_for([total]) + 1)
    bars = [
        Bar(
            f"{stage.size}{': ' if stage.names else ''}{_span(stage.names)}",
            stage.ms,
            f"{milliseconds(stage.ms, places)} ({percent(stage.ms / total, 0)})",
            "first",
            f"{', '.join(stage.names) or stage.size}: {milliseconds(stage.ms)}",
        )
        for stage in stages
    ]
    if isinstance(whole, Space):
        what = (
            f"The mean network of space {whole.name}, every candidate as likely and skips free: "
            f"{milliseconds(total)} predicted"
        )
    else:
        what = f"Network {whole.name}: {milliseconds(total)} predicted"
    note = f"{what} on {table.head.identity.device}, by the size of the maps that blocks hand on."
    title = "Latency per stage"
    return Chart(title, note, lambda width: bar_chart(width, title, bars))


def _places(whole: Space | NetworkSpec) -> list[Place]:
    spec = whole if isinstance(whole, NetworkSpec) else whole.network(whole.first)
    places = [Place(name, (block,), shape) for name, block, shape in spec.placed()]
    if isinstance(whole, Space):
        edges = [Place(f"blocks.{index}", edge.examples(), shape)
                 for index, (edge, shape) in enumerate(whole.placed())]  # fmt: skip
        places[1 : 1 + len(edges)] = edges
    return places


def _size(place: Place) -> str:
    if isinstance(place.candidates[0], Classifier):
        return "the end"
    output = place.candidates[0].output(place.input)
    return f"{output.height} x {output.width}"


def _span(names: Sequence[str]) -> str:
    """`stem, blocks 0 to 3`."""
    blocks = [name.removeprefix("blocks.") for name in names if name.startswith("blocks.")]
    words = [name for name in names if name == "stem"]
    if len(blocks) == 1:
        words.append(f"block {blocks[0]}")
    elif blocks:
        words.append(f"blocks {blocks[0]} to {blocks[-1]}")
    words += [name for name in names if not name.startswith("blocks.") and name != "stem"]
    return ", ".join(words)
