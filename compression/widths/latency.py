"""What a network takes once channels are gone, by a table of layers, without removing any."""

from copy import deepcopy
from dataclasses import dataclass
from itertools import product

from msgspec.structs import replace
from torch import nn

from compression.widths.choose import Cost
from compression.widths.sizes import Gone, Sizes, channels_left
from compression.widths.stops import Stops
from latency_tables.layers import LayerPart, placed_layers
from latency_tables.table import LatencyTable
from proxyless_nas.layer import Shape


@dataclass(frozen=True)
class _Layer:
    """A layer, the weight that says how wide it is, and the groups that weight belongs to."""

    part: LayerPart
    weight: str | None
    groups: tuple[str, ...]


class Layers:
    """The layers of a module, as images of `shape` pass, for any number of lost channels.

    A table prices them by their widths, which are those that `removed` leaves. ValueError for an
    operation that no table of layers knows.
    """

    def __init__(self, module: nn.Module, shape: Shape, sizes: Sizes) -> None:
        self._sizes = sizes
        self._layers: list[_Layer] = []
        for name, part in placed_layers(deepcopy(module), shape):
            weight = f"{name}.weight" if name else None
            groups = sorted(sizes.groups(weight)) if weight else ()
            self._layers.append(_Layer(part, weight, tuple(groups)))

    def parts(self, gone: Gone) -> list[LayerPart]:
        """All layers as they are then, in order, with repetitions."""
        return [self._narrow(layer, gone) for layer in self._layers]

    def wanted(self, stops: Stops) -> dict[str, LayerPart]:
        """By key, every layer that any choice of these stops can leave; 0 is always one."""
        found: dict[str, LayerPart] = {}
        for layer in self._layers:
            choices = [(0, *stops.get(group, ())) for group in layer.groups]
            for each in product(*choices):
                part = self._narrow(layer, dict(zip(layer.groups, each, strict=True)))
                found[part.key] = part
        return found

    def cost(self, table: LatencyTable) -> Cost:
        """Milliseconds: the sum of what the layers take by a table that has all that are needed.

        LookupError for a width that was not measured.
        """
        known: dict[tuple[int, ...], float] = {}

        def price(index: int, gone: Gone) -> float:
            layer = self._layers[index]
            own = (index, *(gone.get(group, 0) for group in layer.groups))
            if own not in known:
                (entry,) = table.entries_named([self._narrow(layer, gone).key])
                known[own] = table.price_ms(entry)
            return known[own]

        return lambda gone: sum(price(index, gone) for index in range(len(self._layers)))

    def _narrow(self, layer: _Layer, gone: Gone) -> LayerPart:
        part = layer.part
        if layer.weight is None or not layer.groups:
            return part
        left = self._sizes.shape(layer.weight, gone)
        if part.kind not in ("linear", "conv"):
            return replace(part, input=replace(part.input, channels=left[0]), out=left[0])
        taken, out, groups = channels_left(left, part.groups, part.input.channels, part.out)
        return replace(part, input=replace(part.input, channels=taken), out=out, groups=groups)
