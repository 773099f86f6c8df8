"""What a network costs, measured or counted: a fixed part plus a sum over its blocks."""

from typing import Protocol

from msgspec import Struct

from latency_tables.entry import Entry
from latency_tables.table import MEGABYTE, LatencyTable
from proxyless_nas.blocks import AnyBlock
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec


class CostModel(Protocol):
    """A separable price: network(spec) = fixed() + the sum of block(...) over all its blocks.

    Separable means that the expected price of a distribution over blocks is the expectation taken
    edge by edge, which is what gradient search needs.
    """

    @property
    def unit(self) -> str:
        """What the numbers count."""
        ...

    def block(self, block: AnyBlock, shape: Shape) -> float:
        """What a network costs more because it has this block on this input."""
        ...

    def fixed(self) -> float:
        """What every network costs, whatever its blocks."""
        ...

    def network(self, spec: NetworkSpec) -> float:
        """The price of a whole network."""
        ...


class _Separable(Struct, frozen=True):
    def block(self, block: AnyBlock, shape: Shape) -> float:
        raise NotImplementedError

    def fixed(self) -> float:
        return 0.0

    def network(self, spec: NetworkSpec) -> float:
        return self.fixed() + sum(self.block(block, shape) for _, block, shape in spec.placed())


class TableLatency(_Separable, frozen=True):
    """Milliseconds from a table: a * (p10 - empty) + c * weight megabytes per block, and d once.

    `empty` is the time of a call that computes nothing, which a network pays once and the sum of
    entries pays per block. A table without calibration prices with a = 1, c = 0, d = empty, which
    is 1 to 20 % off (see `python -m latency_tables check`).

    A skip costs nothing and needs no entry; any other block without an entry is a LookupError
    that names the command which measures it, and `network` names all that are missing at once.
    """

    table: LatencyTable

    @property
    def unit(self) -> str:
        return "ms"

    def block(self, block: AnyBlock, shape: Shape) -> float:
        return sum(map(self._price, self.table.entries_of([(block, shape)])))

    def fixed(self) -> float:
        fit = self.table.calibration
        return self.table.head.empty_ms if fit is None else fit.d

    def network(self, spec: NetworkSpec) -> float:
        placed = [(block, shape) for _, block, shape in spec.placed()]
        return self.fixed() + sum(map(self._price, self.table.entries_of(placed)))

    def _price(self, entry: Entry) -> float:
        fit = self.table.calibration
        if fit is None:
            return self.table.work_ms(entry)
        return fit.a * self.table.work_ms(entry) + fit.c * entry.weight_bytes / MEGABYTE


class Macs(_Separable, frozen=True):
    """Multiply-accumulates for one image."""

    @property
    def unit(self) -> str:
        return "MACs"

    def block(self, block: AnyBlock, shape: Shape) -> float:
        return float(sum(layer.macs for layer in block.layers("", shape)))


class Parameters(_Separable, frozen=True):
    """Trainable parameters."""

    @property
    def unit(self) -> str:
        return "parameters"

    def block(self, block: AnyBlock, shape: Shape) -> float:
        return float(sum(layer.parameters for layer in block.layers("", shape)))
